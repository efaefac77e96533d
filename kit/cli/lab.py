"""The commands around a first look: ``kit lab`` and ``kit doctor``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from kit.errors import SettingsError

Commands = argparse._SubParsersAction  # the type that argparse gives no public name
_HERE = Path(__file__).parents[1]


def add_lab(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``kit lab``."""
    lab = commands.add_parser("lab", help="open JupyterLab on the first notebook")
    lab.add_argument("notebook", nargs="?", default="notebooks/00_start_here.ipynb", help="notebook to open")
    lab.add_argument("--no-browser", action="store_true", help="serve only, and print the address")
    lab.set_defaults(run=_lab)


def add_doctor(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``kit doctor``."""
    doctor = commands.add_parser("doctor", help="look whether everything the kit needs is in order")
    doctor.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from kit.doctor import as_text, examine

    findings = examine(options.settings)
    print(as_text(findings))
    return int(any(finding.state == "bad" for finding in findings))


def _lab(options: argparse.Namespace) -> int:
    from importlib.util import find_spec

    if not find_spec("jupyterlab"):
        raise SettingsError("JupyterLab is not installed", None, 'Run: pip install "banknifty-kit[lab]".')
    notebook = Path(options.notebook)
    if not notebook.is_file():
        if not (shipped("notebooks") / notebook.name).is_file():
            raise SettingsError("There is no notebook here", options.notebook, "Check the path.")
        lay_notebooks(notebook.parent)
    extra = [str(shipped("etc")), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, extra))
    words = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    words += [f"--LabApp.default_url=/lab/tree/{notebook.as_posix()}"]
    words += ["--no-browser"] if options.no_browser else []
    words += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # in a container
    os.execv(sys.executable, words)  # noqa: S606 - the lab takes this process over


def shipped(folder: str) -> Path:
    """Return a folder that comes with the kit: beside its modules in a wheel, above them in a checkout."""
    inside = _HERE / folder
    return inside if inside.is_dir() else _HERE.parent / folder


def lay_notebooks(folder: Path) -> list[Path]:
    """Copy the kit's notebooks into a folder; a file that is there already stays as it is.

    Returns
    -------
    list of Path
        The files that were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    laid = [folder / file.name for file in sorted(shipped("notebooks").glob("*.ipynb"))]
    laid = [file for file in laid if not file.exists()]
    for file in laid:
        shutil.copyfile(shipped("notebooks") / file.name, file)
    print(f"{len(laid)} notebooks laid into {folder.resolve()}")
    return laid
