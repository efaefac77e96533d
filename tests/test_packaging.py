"""The project's own files agree with each other."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"tzdata": "python-tzdata"}  # conda-forge's `tzdata` is the system database, not the package


def declared():
    """Return pyproject's requirements of the kit itself and its lab and dask extras, without the kit."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + [
        line for name in ("fast", "plot", "lab", "dask") for line in extras[name]
    ]
    return {re.split(r"[<>=\[]", line)[0]: line for line in wanted if not line.startswith("banknifty-kit")}


def conda_lines():
    """Return environment.yml's conda requirements and its pip lines."""
    lines = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    return [line for line in lines if isinstance(line, str)], lines[-1]["pip"]


def test_environment_names_what_pyproject_needs():
    """environment.yml asks for every package of pyproject with the same version, and nothing else."""
    conda, pip = conda_lines()
    found = {line.split()[0]: line.replace(" ", "") for line in conda}
    for name, spec in declared().items():
        conda_name = CONDA_NAMES.get(name, name)
        assert found.pop(conda_name, None) == spec.replace(name, conda_name, 1)
    assert sorted(found) == ["editables", "hatchling", "pip", "python"]
    assert pip == ["-e .[lab,test]"]


@pytest.mark.parametrize("name", ["lab", "test"])
def test_lock_pins_every_package_with_hashes_and_no_host(name):
    """A lock holds exact versions with hashes and names no index host."""
    text = (ROOT / "locks" / f"{name}.txt").read_text()
    pins = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert "://" not in text
    assert all("==" in line for line in pins)
    assert text.count("--hash=sha256:") >= len(pins)
    locked = {line.split("==")[0] for line in pins}
    assert {spec.lower() for spec in declared()} - {"distributed"} <= locked


def test_every_dependency_has_its_reason():
    """Each requirement in pyproject stands beside a comment that says why."""
    text = (ROOT / "pyproject.toml").read_text()
    block = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    for line in block.splitlines():
        if line.startswith('  "') and not line.startswith('  "banknifty-kit'):
            assert re.search(r'",\s+# \w', line), line


def test_import_is_light():
    """Importing the kit opens no socket and no file outside the package, and loads no heavy package."""
    code = (
        "import sys, os\n"
        "seen = []\n"
        "sys.addaudithook(lambda event, args: seen.append((event, str(args[0]))) "
        "if event in ('open', 'socket.connect', 'socket.__new__') else None)\n"
        "import kit\n"
        "home = os.path.dirname(kit.__file__)\n"
        "stdlib = [sys.prefix, sys.base_prefix]\n"
        "bad = [s for s in seen if s[0] != 'open' or not s[1].startswith((home, *stdlib))]\n"
        "heavy = {'pandas', 'numpy', 'numba', 'matplotlib', 'ipywidgets', 'distributed', 'requests'}\n"
        "print(bad, heavy & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] set()"


def test_help_is_light():
    """`kit --help` loads neither compiler, plots nor widgets."""
    code = (
        "import sys\nfrom kit.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print({'numba', 'matplotlib', 'ipywidgets', 'distributed', 'pandas'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")


def test_public_names_load_and_are_sorted():
    """Every name of `kit.__all__` loads from its home, and the list is sorted."""
    import kit

    assert kit.__all__ == sorted(kit.__all__)
    assert {name for name in kit.__all__ if getattr(kit, name).__doc__} == set(kit.__all__)


def test_pre_commit_runs_make_check_and_nothing_else():
    """What is checked before a commit is written down once."""
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [hook["entry"] for hook in repository["hooks"]] == ["make check"]


def test_the_fast_tests_exist():
    """Each line of the list that make check and the public workflow read is a file or a folder of tests."""
    names = (ROOT / "tests" / "fast.txt").read_text().split()
    assert [name for name in names if not (ROOT / name).exists()] == []
    assert "tests/test_contracts.py" in names


def test_the_workflow_runs_what_the_makefile_runs():
    """The public workflow runs .ci/run, and the fast tests on every Python that is supported."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text())["jobs"]
    said = {name: [step.get("run", "") for step in job["steps"]] for name, job in jobs.items()}
    assert ".ci/run" in said["whole"]
    assert said["quick"][-1].endswith("@tests/fast.txt")
    assert "@tests/fast.txt" in (ROOT / "Makefile").read_text()
    assert jobs["quick"]["strategy"]["matrix"]["python"][0] == "3.11"
