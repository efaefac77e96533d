"""The results as a page of its own."""

from __future__ import annotations

from html import escape
from pathlib import Path

from kit.benchmark.results import BenchmarkResults
from kit.files import write_text


def save_html(results: BenchmarkResults, path: str | Path) -> Path:
    """Write a self-contained page: summary, every row, machine and versions.

    Raises
    ------
    UnwritableFile
        The file cannot be written.
    """
    facts = {**results["machine"], **{name: it for name, it in results["versions"].items() if it}}
    listed = "".join(f"<li>{escape(str(name))}: {escape(str(value))}</li>" for name, value in facts.items())
    page = (
        '<!doctype html><meta charset="utf-8"><title>Bank Nifty Kit: benchmark</title>'
        "<style>body{font:14px system-ui;margin:2em}td,th{padding:2px 10px;text-align:left}</style>"
        f"{results._repr_html_()}<ul>{listed}</ul>"
    )
    return write_text(Path(path), page)
