"""How panels look: one style sheet that follows JupyterLab's theme, and matplotlib's settings."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from kit.shown import unbroken

PLOT_STYLE: Any = {  # matplotlib types the keys as a literal of all 300
    "axes.facecolor": "none",  # the page's own background, light or dark
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelcolor": "#4a545c",
    "axes.edgecolor": "#aab3ba",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e3e7ea",
    "grid.linewidth": 0.8,
    "xtick.color": "#4a545c",
    "ytick.color": "#4a545c",
    "legend.facecolor": "white",  # what stands behind it stays behind
    "legend.framealpha": 0.8,
    "legend.edgecolor": "none",
    "legend.fontsize": 9,
}

SHEET = f"<style>{Path(__file__).with_name('style.css').read_text(encoding='utf-8')}</style>"


def facts(pairs: dict[str, str]) -> str:
    """Return labelled figures as tiles: a definition list, readable without sight."""
    tiles = [f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs.items()]
    return f"<dl class='kit-facts'>{''.join(tiles)}</dl>"


def lines(text: str) -> str:
    """Return a text of several lines, said by a screen reader when it changes."""
    return f"<pre class='kit-summary' role='status'>{escape(unbroken(text))}</pre>"


def summary(text: str) -> str:
    """Return the words beside a plot; a screen reader says them when they change."""
    return f"<p class='kit-summary' role='status'>{escape(unbroken(text))}</p>"
