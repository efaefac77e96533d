"""The documentation tells what the code does."""

import re
from pathlib import Path

import pytest

from kit.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Every relative link of every page names a file that exists."""
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_setting_is_documented_with_its_default():
    """docs/settings.md lists every key with description and default, as the code has them."""
    assert settings_page() == (ROOT / "docs" / "settings.md").read_text()


def settings_page():
    """Write the settings page from the code."""
    text = [
        "# Settings",
        "",
        "`kit.yaml` in the working folder (or `$KIT_YAML`) holds these sections. An unknown key is",
        "an error that says what was meant. Secrets are never in this file: see the README.",
    ]
    for name, section in Settings.model_fields.items():
        text += ["", f"## `{name}`", "", "| key | default | meaning |", "|---|---|---|"]
        for key, info in type(section.default).model_fields.items():
            shown = "none" if info.default is None else str(info.default)
            text.append(f"| `{key}` | {shown} | {info.description} |")
    return "\n".join(text) + "\n"


def test_the_readme_example_runs(tmp_path, monkeypatch):
    """The README's Python block runs as it stands and ends in a ranked table."""
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    *lines, last = block.strip().splitlines()
    names: dict[str, object] = {}
    exec("\n".join(lines), names)
    with names["desk"]:
        assert set(eval(last, names)["status"]) == {"completed"}


def test_every_command_is_in_the_readme():
    """Each subcommand of `kit` stands in the README."""
    from kit.cli import _parser

    commands = _parser()._subparsers._group_actions[0].choices
    readme = (ROOT / "README.md").read_text()
    assert [name for name in commands if f"`kit {name}" not in readme] == []


def test_architecture_names_every_room():
    """docs/architecture.md has a row for every module and folder of the kit."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = [
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "kit").iterdir()
        if path.name not in {"__init__.py", "py.typed", "__pycache__"}
    ]
    assert [room for room in rooms if f"`{room}`" not in page] == []
