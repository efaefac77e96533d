"""The commands around a first look: ``kit lab`` and ``kit doctor``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from kit.cli.idle import declare_idle
from kit.errors import SettingsError
from kit.shown import counted

Commands = argparse._SubParsersAction  # the type that argparse gives no public name
_HERE = Path(__file__).parents[1]


def add_lab(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``kit lab``."""
    lab = commands.add_parser("lab", help="open JupyterLab on the first notebook")
    lab.add_argument("notebook", nargs="?", default="notebooks/00_start_here.ipynb", help="notebook to open")
    lab.add_argument("--no-browser", action="store_true", help="serve only, and print the address")
    lab.add_argument("--voila", action="store_true", help="serve it as a page without code, by Voila")
    declare_idle(lab, ("--settings", "with", "kit lab"))
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

    module, extra = ("voila", "voila") if options.voila else ("jupyterlab", "lab")
    if not find_spec(module):
        told = {"voila": "Voila", "jupyterlab": "JupyterLab"}[module]
        raise SettingsError(f"{told} is not installed", None, f'Run: pip install "banknifty-kit[{extra}]".')
    notebook = Path(options.notebook)
    if not notebook.is_file():
        if not (shipped("notebooks") / notebook.name).is_file():
            raise SettingsError("There is no notebook here", options.notebook, "Check the path.")
        lay_notebooks(notebook.parent)
    for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH"):  # settings of JupyterLab, and the template of Voila
        os.environ[name] = os.pathsep.join(filter(None, [str(shipped("etc")), os.environ.get(name, "")]))
    words = [sys.executable, "-m", module, *(_page if options.voila else _workbench)(notebook)]
    words += ["--no-browser"] if options.no_browser else []
    os.execv(sys.executable, words)  # noqa: S606 - the server takes this process over


def _workbench(notebook: Path) -> list[str]:
    words = ["--ServerApp.ip=127.0.0.1", f"--LabApp.default_url=/lab/tree/{notebook.as_posix()}"]
    return words + (["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])  # a container


def _page(notebook: Path) -> list[str]:
    words = ["--Voila.ip=127.0.0.1", "--token", "--VoilaConfiguration.template=kit"]
    # A page that was left cannot end its kernel: Voila refuses what the browser sends then.
    ends = ["--MappingKernelManager.cull_idle_timeout=60", "--MappingKernelManager.cull_interval=30"]
    return [str(notebook), *words, *ends, "--VoilaConfiguration.show_tracebacks=True"]


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
    print(f"{counted(len(laid), 'notebook')} laid into {folder.resolve()}")
    return laid
