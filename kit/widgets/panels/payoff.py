"""The payoff panel: choose a strategy, move its strikes, see what it earns at expiry."""

from __future__ import annotations

from dataclasses import fields
from math import inf, isnan
from typing import Any

import ipywidgets as w
import numpy as np
import pandas as pd

from kit.errors import SettingsError
from kit.evaluation.curve import Payoff, payoff
from kit.evaluation.results import levels
from kit.evaluation.scored import Score
from kit.model import ChainSnapshot, Leg
from kit.strategies import ALL
from kit.strategies.base import Strategy, words
from kit.strategies.strikes import Offset
from kit.widgets.frame.live import LiveFigure, styled
from kit.widgets.frame.panel import MarketPanel
from kit.widgets.frame.style import facts, rupees, summary
from kit.widgets.panels.payoff_plot import REACH, PayoffPlot

_KINDS = {kind.__name__: kind for kind in ALL}


def parameters(kind: type[Strategy]) -> set[str]:
    """Tell which sliders mean something to a strategy: ``"strike"`` where it picks one, ``"width"``."""
    names = {field.name for field in fields(kind)}
    return ({"strike"} if _pick_of(kind) else set()) | (names & {"width"})


def _pick_of(kind: type[Strategy]) -> str | None:
    """Return the field through which a strategy chooses its strikes, if it does."""
    return next((field.name for field in fields(kind) if callable(field.default)), None)


def build(kind: str, strike: int, width: float, lots: int) -> Strategy:
    """Make a strategy from the controls, leaving out what it does not take.

    Parameters
    ----------
    kind : str
        Class name of a member of `kit.strategies.ALL`.
    strike : int
        Listed strikes out of the money.
    width : float
        Distance of the wings or of the second strike, rupees.
    lots : int
        Size of the position.

    Raises
    ------
    SettingsError
        No strategy has this name, or a parameter makes no position.
    """
    if kind not in _KINDS:
        raise SettingsError("No strategy has this name", kind, f"Choose from {', '.join(_KINDS)}.")
    chosen: dict[str, Any] = {"lots": lots}
    if "width" in parameters(_KINDS[kind]):
        chosen["width"] = width
    if pick := _pick_of(_KINDS[kind]):
        chosen[pick] = Offset(strike)
    return _KINDS[kind](**chosen)


class PayoffPanel(MarketPanel):
    """Profit at expiry of one strategy on one chain.

    Parameters
    ----------
    source : Desk, Context, ChainSnapshot or sequence of ChainSnapshot
        Where the chain comes from that the legs are priced on.
    """

    heading = "Payoff"
    lead = "Choose a strategy and move its strikes; bought at the ask, sold at the bid, charges apart."

    def controls(self) -> dict[str, Any]:
        """Return strategy, strike, width and lots."""
        step = float(np.diff(self.source.strikes).min())
        label = {"style": {"description_width": "64px"}, "layout": w.Layout(width="290px")}
        lots = w.BoundedIntText(1, 1, 1000, description="Lots", layout=w.Layout(width="150px"))
        names = [(words(name).capitalize(), name) for name in _KINDS]
        return {
            "kind": w.Dropdown(options=names, value="IronCondor", description="Strategy", **label),
            "strike": w.IntSlider(4, 0, 20, description="Steps out", tooltip="Strikes away", **label),
            "width": w.FloatSlider(
                5 * step, min=step, max=20 * step, step=step, readout_format=".0f", description="Width",
                tooltip="Rupees between a short strike and its wing", **label,
            ),
            "lots": lots,
        }  # fmt: skip

    def body(self) -> list[Any]:
        """Return controls, figures and the plot."""
        self.plot = LiveFigure(1000, 390)
        self.tiles = w.HTML()
        self._drawn: ChainSnapshot | None = None
        row = w.HBox(list(self.inputs.values()), layout=w.Layout(flex_flow="row wrap"))
        return [self.top(), row, self.errors, self.tiles, self.plot, self.words]

    @staticmethod
    def compute(source: ChainSnapshot, kind: str, strike: int, width: float, lots: int) -> Payoff:
        """Price the position on the chain and find its shape.

        Parameters
        ----------
        source : ChainSnapshot
            The chain.
        kind, strike, width, lots
            As in `build`.

        Raises
        ------
        DataError
            The chain lacks a strike or a price that the strategy needs.
        """
        legs = build(kind, strike, width, lots).legs(source)
        return payoff(legs, source, REACH, words(kind).capitalize())

    def code(self) -> str:
        """Return Python that scores the position shown."""
        chain, kind = self.source, self.inputs["kind"].value
        made = build(**self.values)
        return (
            "from kit.desk import open_desk\n"
            "from kit.evaluation.metrics import score\n"
            f"from kit.strategies import {kind}\n"
            "from kit.strategies.strikes import Offset\n\n"
            "desk = open_desk()\n"
            f'chain = desk.data.option_chain("{chain.underlying}", "{chain.expiry}")\n'
            f"score({made!r}.legs(chain), chain)\n"
        )

    def data(self) -> pd.DataFrame:
        """Return the curves: profit at expiry and today by index level."""
        found = self.compute(self.source, **self.values)
        curves = {"expiry_inr": found.expiry_inr, "today_inr": found.today_inr}
        return pd.DataFrame(curves, index=pd.Index(found.level, name="level"))

    def draw(self, result: Payoff) -> None:
        """Move the curves, the areas and the breakevens; write the figures."""
        if self.source is not self._drawn:  # another expiry, or newer quotes
            self._drawn = self.source
            self.plot.figure.clear()
            with styled():
                self._lines = PayoffPlot(self.plot, self.source)
        takes = parameters(_KINDS[self.inputs["kind"].value])
        for name in ("strike", "width"):
            self.inputs[name].disabled = name not in takes
        self._lines.show(result)
        self.tiles.value = facts(figures(result.score))
        self.words.value = summary(describe(result, self.source))


def figures(scored: Score) -> dict[str, str]:
    """Write the figures of a position with their units."""
    taken, chance = scored.premium_inr >= 0, scored.probability_of_profit
    return {
        "Premium received" if taken else "Premium paid": rupees(abs(scored.premium_inr)),
        "At the middle": rupees(abs(scored.premium_mid_inr)),
        "Maximum profit (before charges)": rupees(scored.max_profit_inr),
        "Maximum loss (before charges)": rupees(scored.max_loss_inr),
        "Charges, held to expiry": rupees(scored.charges_inr),
        "Breakevens": levels(scored.breakevens),
        f"Probability of profit ({scored.view})": "unknown" if isnan(chance) else f"{100 * chance:.0f} %",
        "Delta (₹ per point)": f"{scored.delta_inr:+,.1f}",
        "Theta (₹ per day)": f"{scored.theta_inr:+,.0f}",
        "Vega (₹ per vol. point)": f"{scored.vega_inr:+,.0f}",
    }


def trade(leg: Leg) -> str:
    """Write one leg as an order: ``sell 1 CE 55,400 at 438.65``."""
    side = "sell" if leg.lots < 0 else "buy"
    return f"{side} {abs(leg.lots)} {leg.right} {leg.strike:,.0f} at {leg.price:.2f}"


def _loss(most_inr: float) -> str:
    return "its loss is unlimited" if most_inr == inf else f"loses at most {rupees(most_inr)}"


def describe(result: Payoff, snapshot: ChainSnapshot) -> str:
    """Say in words what the plot shows."""
    scored = result.score
    where = f"{snapshot.underlying} {snapshot.expiry:%d %b %Y}, lots of {snapshot.lot_size}"
    return (
        f"{result.name} on {where}: {', '.join(map(trade, scored.legs))}. At expiry it earns at most "
        f"{rupees(scored.max_profit_inr)}, {_loss(scored.max_loss_inr)} and breaks even at "
        f"{levels(scored.breakevens)}; spot is {snapshot.spot:,.2f}. Verdict: {scored.verdict}."
    )
