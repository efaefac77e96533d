"""How panels look: one style sheet that follows JupyterLab's theme, and matplotlib's settings."""

from __future__ import annotations

from html import escape
from math import isinf, isnan
from typing import Any

PLOT_STYLE: Any = {  # matplotlib types the keys as a literal of all 300
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
    "legend.frameon": False,
    "legend.fontsize": 9,
}

# Images cannot use the theme's colours: in a dark theme they are turned, hues kept.
SHEET = """<style>
.kit-panel{padding:12px 16px;max-width:1180px}
.kit-panel h3{margin:0 0 2px;font-size:17px;font-weight:600;color:var(--jp-ui-font-color0)}
.kit-panel .kit-lead{margin:0 0 8px;color:var(--jp-ui-font-color2);font-size:13px;line-height:1.4}
.kit-panel h4{margin:6px 0 2px;font-size:13px;font-weight:600;color:var(--jp-ui-font-color1)}
.kit-error{margin:4px 0;padding:8px 12px;border-left:4px solid var(--jp-error-color1);
  background:var(--jp-error-color3);color:var(--jp-ui-font-color0);font-size:13px;line-height:1.4}
.kit-summary{margin:4px 0;color:var(--jp-ui-font-color1);font-size:13px;line-height:1.45}
.kit-panel .kit-facts{display:flex;flex-wrap:wrap;gap:8px;margin:8px 0}
.kit-panel .kit-facts div{padding:5px 12px;border:1px solid var(--jp-border-color2);border-radius:4px;
  background:var(--jp-layout-color1)}
.kit-panel .kit-facts dt,.kit-panel .kit-facts dd{display:block;float:none;width:auto;margin:0;padding:0;
  line-height:1.35;white-space:nowrap}
.kit-panel .kit-facts dt{font-size:11px;font-weight:400;color:var(--jp-ui-font-color2)}
.kit-panel .kit-facts dd{font-size:15px;font-weight:600;color:var(--jp-ui-font-color0);
  font-variant-numeric:tabular-nums}
.kit-panel .widget-html,.kit-panel .widget-html-content{min-width:0;max-width:100%}
.kit-scroll{max-width:100%;max-height:448px;overflow:auto;border:1px solid var(--jp-border-color2)}
.kit-panel table.kit-table{width:100%;margin:0;border-collapse:separate;border-spacing:0;font-size:12px;
  font-variant-numeric:tabular-nums;color:var(--jp-ui-font-color1)}
.kit-panel .kit-table th,.kit-panel .kit-table td{height:22px;padding:0 8px;line-height:22px;text-align:right;
  white-space:nowrap;border-bottom:1px solid var(--jp-border-color3)}
.kit-panel .kit-table thead th{position:sticky;top:0;z-index:1;background:var(--jp-layout-color2)}
.kit-panel .kit-table thead tr+tr th{top:23px}
.kit-panel .kit-table th[colspan],.kit-panel .kit-table th.kit-strike{text-align:center}
.kit-panel .kit-table th.kit-strike{background:var(--jp-layout-color2)}
.kit-panel .kit-table .kit-text{text-align:left}
.kit-panel .kit-wrap thead th{height:36px;line-height:16px;white-space:normal;vertical-align:bottom}
.kit-table .kit-inside{background:color-mix(in srgb,var(--jp-warn-color1) 12%,transparent)}
.kit-panel .kit-table .kit-middle th,.kit-panel .kit-table .kit-middle td{
  border-top:2px solid var(--jp-brand-color1);font-weight:600}
.kit-lines pre{margin:8px;font-size:12px}
.kit-panel .kit-lines table{margin:0;font-size:12px;white-space:nowrap}
.kit-panel .kit-lines th,.kit-panel .kit-lines td{height:22px;padding:0 9px;line-height:22px;text-align:left}
.kit-live{max-width:100%;height:auto}
[data-jp-theme-light='false'] .kit-live{filter:invert(.93) hue-rotate(180deg)}
</style>"""


def facts(pairs: dict[str, str]) -> str:
    """Return labelled figures as tiles: a definition list, readable without sight."""
    tiles = [f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs.items()]
    return f"<dl class='kit-facts'>{''.join(tiles)}</dl>"


def summary(text: str) -> str:
    """Return the words beside a plot; a screen reader says them when they change."""
    return f"<p class='kit-summary' role='status'>{escape(text)}</p>"


def rupees(value: float) -> str:
    """Write an amount: ``₹ 12,345``, a minus sign for a loss, words where it is unbounded or unknown."""
    if isnan(value):
        return "unknown"
    if isinf(value):
        return "unlimited"
    return f"{'−' if round(value) < 0 else ''}₹ {abs(value):,.0f}"
