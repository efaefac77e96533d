"""The chain panel: calls and puts around the money, the smile and the open interest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import ipywidgets as w
import numpy as np
import pandas as pd
import traitlets as t
from matplotlib.axes import Axes

from kit.errors import KitError
from kit.model import ChainSnapshot, origin
from kit.model.derived import mark
from kit.plots import CALL, PLAIN, PUT, smile
from kit.pricing.analytics import Analytics, snapshot_analytics
from kit.widgets.frame.fields import flow, sized
from kit.widgets.frame.grid import Grid, GridColumn, GridRow
from kit.widgets.frame.live import LiveFigure
from kit.widgets.frame.panel import MarketPanel, shown
from kit.widgets.frame.style import facts, summary

_IV = GridColumn("iv", "IV", "%", 1, 100, help="Implied volatility, a year")
_LTP = GridColumn("ltp", "LTP", "₹", 2, help="Last traded price")
_QUOTES = (
    GridColumn("oi", "OI", "units", help="Open interest"),
    GridColumn("oi_change", "OI change", "units", signed=True, help="Since the previous day's close"),
    GridColumn("volume", "Volume", "units"), _IV,
    GridColumn("bid", "Bid", "₹", 2), GridColumn("ask", "Ask", "₹", 2), _LTP,
)  # fmt: skip
_GREEKS = (
    _IV, GridColumn("delta", "Delta", "₹ per ₹", 3), GridColumn("gamma", "Gamma", "per ₹", 6),
    GridColumn("theta", "Theta", "₹ a day", 2), GridColumn("vega", "Vega", "₹ a vol. pt", 2),
    GridColumn("rho", "Rho", "₹ a rate pt", 2), _LTP,
)  # fmt: skip
_STRIKE = GridColumn("strike", "Strike", "₹", key=True)
_PLOT_EVERY = 40  # chains that follow the stream: ten seconds
_LINE = 0.88  # of the picture's height, to which bars and lines reach
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
    columns : sequence of GridColumn
        Fields shown on either side: those that have a value in any row.
    analytics : Analytics
        Put-call ratio, maximum pain and the like, of the whole expiry.
    """

    snapshot: ChainSnapshot
    rows: pd.DataFrame
    columns: Sequence[GridColumn]
    analytics: Analytics


class ChainPanel(MarketPanel):
    """The option chain, expiry by expiry.

    Parameters
    ----------
    source : Desk, Context, ChainSnapshot or sequence of ChainSnapshot
        Where the chains come from; a desk is asked for each expiry when it is chosen.
    """

    heading = "Option chain"
    lead = (
        "Calls left, puts right; in the money is shaded, the line is at the money. Click a heading to sort."
    )

    def controls(self) -> dict[str, Any]:
        """Return columns and the number of strikes; the expiry belongs to the context."""
        days = [(f"{day:%d %b %Y}", day) for day in self.context.expiries]
        self.expiry = w.Dropdown(
            options=days, description="Expiry", value=self.context.chain.expiry, **sized(210, 64),
        )  # fmt: skip
        self.expiry.observe(self._choose, "value")
        return {
            "columns": w.Dropdown(options=list(COLUMNS), description="Columns", **sized(180, 64)),
            "around": w.IntSlider(
                8, 2, 60, description="Strikes", tooltip="Strikes on either side of the money, 2 to 60",
                **sized(280, 64),
            ),
        }  # fmt: skip

    def body(self) -> list[Any]:
        """Return header, controls, figures, the table and the two plots."""
        self._drawn: ChainSnapshot | None = None
        self._since_plot = 0
        self.tiles, self.plot = w.HTML(), LiveFigure(1080, 330)
        self.table = Grid("Option chain, calls left, puts right")
        t.dlink((self.context, "numbers"), (self.table, "numbers"))
        chosen = flow(self.expiry, *self.inputs.values())
        return [chosen, self.errors, self.tiles, self.table, self.plot, self.words]

    @shown
    def _choose(self, change: Any) -> None:
        try:
            self.context.choose(change.new)
        except KitError:
            self.expiry.value = self.context.chain.expiry  # what is shown
            raise

    @staticmethod
    def compute(source: ChainSnapshot, columns: str, around: int) -> ChainView:
        """Choose the rows around the money.

        Parameters
        ----------
        source : ChainSnapshot
            The expiry.
        columns : str
            A key of `COLUMNS`.
        around : int
            Strikes on either side of the money.
        """
        fields = list(dict.fromkeys([*(column.field for column in COLUMNS[columns]), "oi"]))
        middle = source.strikes.index(source.atmf_strike)
        near = source.strikes[max(0, middle - around) : middle + around + 1]
        rows = source.table.pivot(index="strike", columns="right", values=fields).loc[near]
        told = [column for column in COLUMNS[columns] if bool(rows[column.field].notna().to_numpy().any())]
        return ChainView(source, rows, told, snapshot_analytics(source))

    def code(self) -> str:
        """Return Python that gives the table shown."""
        chain = self.source
        return (
            "from kit.desk import open_desk\n\n"
            "desk = open_desk()\n"
            f'chain = desk.data.option_chain("{chain.underlying}", "{chain.expiry}")\n'
            f"chain.wide({self.values['around']})\n"
        )

    def data(self) -> pd.DataFrame:
        """Return every column of the strikes shown."""
        near = self.compute(self.source, **self.values).rows.index
        table = self.source.table
        shown_rows: pd.DataFrame = table[table["strike"].isin(near)].set_index(["strike", "right"])
        return shown_rows

    def draw(self, result: ChainView) -> None:
        """Write the table and draw the smile and the open interest."""
        chain = result.snapshot
        self.expiry.value = chain.expiry
        self.table.show(*ladder(result))
        self.tiles.value = facts(figures(result))
        self.words.value = summary(describe(result))
        if chain is not self._drawn and self._is_due(chain):
            self._drawn, self._since_plot = chain, 0
            pain = result.analytics.max_pain
            self.plot.paint(partial(smile_near, chain=chain), partial(open_interest, chain=chain, pain=pain))

    def _is_due(self, chain: ChainSnapshot) -> bool:
        """Tell whether to draw the plots, which takes 0.4 s: of a chain that follows the stream, seldom."""
        known = (
            self._drawn is not None and self._drawn.expiry == chain.expiry and self._drawn.source == "stream"
        )
        self._since_plot = self._since_plot + 1 if known and chain.source == "stream" else _PLOT_EVERY
        return self._since_plot >= _PLOT_EVERY


def ladder(view: ChainView) -> tuple[list[GridColumn], list[GridRow]]:
    """Return the table's columns and rows: calls, strike, puts mirrored."""
    calls = [replace(column, group="Calls") for column in view.columns]
    puts = [replace(column, group="Puts") for column in view.columns[::-1]]
    chain = view.snapshot
    rows = []
    for strike, row in zip(view.rows.index.tolist(), view.rows.to_dict("records"), strict=True):
        left = [column.cell(row[column.field, "CE"]) for column in calls]
        right = [column.cell(row[column.field, "PE"]) for column in puts]
        rows.append(strike_row(strike, [*left, strike, *right], chain))
    return [*calls, _STRIKE, *puts], rows


def strike_row(strike: float, cells: Sequence[Any], chain: ChainSnapshot) -> GridRow:
    """Return a strike's row: marked at the money, the side that is in the money shaded."""
    inside = ["Calls"] if strike < chain.forward else ["Puts"] if strike > chain.forward else []
    return GridRow(strike, cells, "kit-middle" if strike == chain.atmf_strike else "", inside)


def smile_near(axes: Axes, chain: ChainSnapshot) -> None:
    """Draw the smile around the forward."""
    smile(axes, chain, _REACH).xaxis.set_major_formatter("{x:,.0f}")


def open_interest(axes: Axes, chain: ChainSnapshot, pain: float) -> None:
    """Draw the open interest of both sides by strike, with the strike of maximum pain."""
    near = chain.table[(chain.table["strike"] / chain.forward - 1).abs() <= _REACH]
    width = 0.42 * float(np.diff(near["strike"].unique()).min())
    for right, name, colour, side in (("PE", "puts", PUT, -0.5), ("CE", "calls", CALL, 0.5)):
        rows = near[near["right"] == right]
        axes.bar(rows["strike"] + side * width, rows["oi"] / 1e3, width, color=colour, label=name)
    if abs(pain / chain.forward - 1) <= _REACH:
        axes.axvline(pain, ymax=_LINE, color=PLAIN, lw=1, ls="--", label=f"maximum pain {pain:,.0f}")
    axes.set(xlabel="Strike (rupees)", ylabel="Open interest (thousand units)")
    axes.set_title("Open interest")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.set_ylim(0, axes.get_ylim()[1] / _LINE)  # the legend stands above bars and line
    axes.legend(loc="upper left", ncols=3, handlelength=1.4, columnspacing=1.2, borderaxespad=0.1)


def figures(view: ChainView) -> dict[str, str]:
    """Write the figures of an expiry with their units."""
    chain, found = view.snapshot, view.analytics
    money = chain.iv_at(chain.forward)
    return {
        f"Spot{mark(chain.derived, 'spot')}": f"{chain.spot:,.2f}",
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
    quoted = f"{chain.taken_at:%d %b %Y %H:%M:%S} IST{mark(chain.derived, 'taken_at')}"
    return (
        f"{chain.underlying} {chain.expiry:%d %b %Y}, quoted {quoted}, from {origin(chain.source)}. "
        f"Heaviest open interest: puts at {_strikes(found.heaviest_puts)}, "
        f"calls at {_strikes(found.heaviest_calls)}."
    )


def _strikes(values: Sequence[float]) -> str:
    return ", ".join(f"{value:,.0f}" for value in values) or "no strike"
