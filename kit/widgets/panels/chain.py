"""The chain panel: calls and puts around the money, the smile and the open interest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import ipywidgets as w
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kit.errors import UnknownExpiry
from kit.model import ChainSnapshot
from kit.plots import CALL, PLAIN, PUT, smile
from kit.pricing.analytics import Analytics, snapshot_analytics
from kit.widgets.frame.live import LiveFigure, styled
from kit.widgets.frame.panel import Panel
from kit.widgets.frame.style import facts, summary
from kit.widgets.frame.table import Column, chain_table

_QUOTES = (
    Column("oi", "OI", "{:,.0f}"), Column("oi_change", "Change in OI", "{:+,.0f}"),
    Column("volume", "Volume", "{:,.0f}"), Column("iv", "IV %", "{:.1f}", 100),
    Column("bid", "Bid", "{:,.2f}"), Column("ask", "Ask", "{:,.2f}"), Column("ltp", "LTP", "{:,.2f}"),
)  # fmt: skip
_GREEKS = (
    Column("iv", "IV %", "{:.1f}", 100), Column("delta", "Delta", "{:.3f}"),
    Column("gamma", "Gamma", "{:.6f}"), Column("theta", "Theta", "{:.2f}"), Column("vega", "Vega", "{:.2f}"),
    Column("rho", "Rho", "{:.2f}"), Column("ltp", "LTP", "{:,.2f}"),
)  # fmt: skip
_REACH = 0.08  # of the forward, plotted on either side
COLUMNS = {"Quotes": _QUOTES, "Greeks": _GREEKS}


@dataclass(frozen=True)
class ChainView:
    """What the panel shows of one expiry.

    Parameters
    ----------
    snapshot : ChainSnapshot
        The expiry.
    rows : DataFrame
        The strikes shown, a row per strike, columns ``(field, right)``.
    columns : sequence of Column
        Fields shown on either side.
    analytics : Analytics
        Put-call ratio, maximum pain and the like, of the whole expiry.
    """

    snapshot: ChainSnapshot
    rows: pd.DataFrame
    columns: Sequence[Column]
    analytics: Analytics


class ChainPanel(Panel):
    """The option chain of one or several expiries.

    Parameters
    ----------
    source : ChainSnapshot or sequence of ChainSnapshot
        One snapshot per expiry.
    """

    heading = "Option chain"
    lead = (
        "Calls on the left, puts on the right; the strikes in the money are shaded, the line is at the money."
    )

    def __init__(self, source: ChainSnapshot | Sequence[ChainSnapshot]) -> None:
        super().__init__((source,) if isinstance(source, ChainSnapshot) else tuple(source))

    def controls(self) -> dict[str, Any]:
        """Return expiry, columns and the number of strikes."""
        days = [(f"{chain.expiry:%d %b %Y}", chain.expiry) for chain in self.source]
        label = {"style": {"description_width": "64px"}}
        return {
            "expiry": w.Dropdown(options=days, description="Expiry", layout=w.Layout(width="230px"), **label),
            "columns": w.Dropdown(
                options=list(COLUMNS), description="Columns", layout=w.Layout(width="200px"), **label
            ),
            "around": w.IntSlider(
                8, 2, 40, description="Strikes", tooltip="Strikes on either side of the money", **label
            ),
        }

    def body(self) -> list[Any]:
        """Return controls, figures, the table and the two plots."""
        self._drawn: ChainSnapshot | None = None
        self.tiles, self.table, self.plot = w.HTML(), w.HTML(), LiveFigure(1080, 330)
        row = w.HBox(list(self.inputs.values()), layout=w.Layout(flex_flow="row wrap"))
        return [row, self.errors, self.tiles, self.table, self.plot, self.words]

    @staticmethod
    def compute(source: Sequence[ChainSnapshot], expiry: date, columns: str, around: int) -> ChainView:
        """Choose the expiry and the rows around its money.

        Parameters
        ----------
        source : sequence of ChainSnapshot
            One snapshot per expiry.
        expiry : date
            Which of them.
        columns : str
            A key of `COLUMNS`.
        around : int
            Strikes on either side of the money.

        Raises
        ------
        UnknownExpiry
            No snapshot has this expiry.
        """
        found = next((chain for chain in source if chain.expiry == expiry), None)
        if found is None:
            raise UnknownExpiry("No chain of this expiry is loaded", str(expiry), "Choose one of the list.")
        fields = list(dict.fromkeys([*(column.field for column in COLUMNS[columns]), "oi"]))
        middle = found.strikes.index(found.atm_strike)
        near = found.strikes[max(0, middle - around) : middle + around + 1]
        rows = found.table.pivot(index="strike", columns="right", values=fields).loc[near]
        return ChainView(found, rows, COLUMNS[columns], snapshot_analytics(found))

    def draw(self, result: ChainView) -> None:
        """Write the table and draw the smile and the open interest."""
        chain = result.snapshot
        self.table.value = chain_table(result.rows, result.columns, chain.forward, chain.atm_strike)
        self.tiles.value = facts(figures(result))
        self.words.value = summary(describe(result))
        if chain is not self._drawn:  # the number of rows changes no plot, and drawing takes 0.4 s
            self._drawn = chain
            self._plot(chain, result.analytics.max_pain)

    def _plot(self, chain: ChainSnapshot, pain: float) -> None:
        self.plot.figure.clear()
        with styled():
            left, right = self.plot.figure.subplots(1, 2)
            smile(left, chain, _REACH).xaxis.set_major_formatter("{x:,.0f}")
            open_interest(right, chain, pain)
        self.plot.redraw()


def open_interest(axes: Axes, chain: ChainSnapshot, pain: float) -> None:
    """Draw the open interest of both sides by strike, with the strike of maximum pain."""
    near = chain.table[(chain.table["strike"] / chain.forward - 1).abs() <= _REACH]
    width = 0.42 * float(np.diff(near["strike"].unique()).min())
    for right, name, colour, side in (("PE", "puts", PUT, -0.5), ("CE", "calls", CALL, 0.5)):
        rows = near[near["right"] == right]
        axes.bar(rows["strike"] + side * width, rows["oi"] / 1e3, width, color=colour, label=name)
    if abs(pain / chain.forward - 1) <= _REACH:
        axes.axvline(pain, color=PLAIN, lw=1, ls="--", label=f"maximum pain {pain:,.0f}")
    axes.set(xlabel="Strike (rupees)", ylabel="Open interest (thousand units)")
    axes.set_title("Open interest")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.legend(
        loc="lower right",
        ncols=3,
        bbox_to_anchor=(1, 1),
        borderaxespad=0.3,
        handlelength=1.4,
        columnspacing=1.2,
    )


def figures(view: ChainView) -> dict[str, str]:
    """Write the figures of an expiry with their units."""
    chain, found = view.snapshot, view.analytics
    money = chain.iv_at(chain.forward)
    return {
        "Spot": f"{chain.spot:,.2f}",
        f"Forward (by {chain.forward_from})": f"{chain.forward:,.2f}",
        "Volatility at the money": f"{100 * money:.1f} %",
        "Straddle": f"₹ {found.straddle_inr:,.2f}",
        "Put-call ratio (OI)": f"{found.pcr_oi:.2f}",
        "Maximum pain": f"{found.max_pain:,.0f}",
        "Lot": f"{chain.lot_size} units",
        "Days to expiry": f"{chain.t_years * 365:.1f}",
    }


def describe(view: ChainView) -> str:
    """Say in words what the plots show, how old it is and where it came from."""
    chain, found = view.snapshot, view.analytics
    quoted = f"{chain.taken_at:%d %b %Y %H:%M:%S} IST, from {chain.source}"
    return (
        f"{chain.underlying} {chain.expiry:%d %b %Y}, quoted {quoted}. Heaviest open interest: puts at "
        f"{_strikes(found.support)}, calls at {_strikes(found.resistance)}."
    )


def _strikes(values: Sequence[float]) -> str:
    return ", ".join(f"{value:,.0f}" for value in values) or "no strike"
