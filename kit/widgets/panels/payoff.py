"""The payoff panel: choose a strategy, move its strikes, see what it earns at expiry."""

from __future__ import annotations

from dataclasses import fields, replace
from math import inf, isnan
from typing import Any

import ipywidgets as w
import numpy as np
import pandas as pd

from kit.errors import SettingsError
from kit.evaluation.curve import Payoff, payoff
from kit.evaluation.results import levels
from kit.evaluation.scored import Score
from kit.model import ChainSnapshot, Leg, Position, Right
from kit.model.derived import mark
from kit.shown import rupees
from kit.strategies import FAMILIES, IronCondor, OwnLegs
from kit.strategies.base import Strategy, words
from kit.strategies.strikes import Offset
from kit.widgets.frame.cell import imports, python
from kit.widgets.frame.fields import NumberField, flow, sized
from kit.widgets.frame.live import LiveFigure, styled
from kit.widgets.frame.panel import MarketPanel, quietly, shown
from kit.widgets.frame.style import facts, summary
from kit.widgets.panels.payoff_plot import REACH, PayoffPlot
from kit.widgets.panels.position.holding import Size

OWN = "OwnLegs"
_KINDS = {kind.__name__: kind for kind in FAMILIES}


def parameters(kind: type[Strategy]) -> set[str]:
    """Tell which sliders mean something to a strategy: ``"strike"`` where it picks one, ``"width"``."""
    names = {field.name for field in fields(kind)}
    return ({"strike"} if _pick_of(kind) else set()) | (names & {"width"})


def _pick_of(kind: type[Strategy]) -> str | None:
    """Return the field through which a strategy chooses its strikes, if it does."""
    return next((field.name for field in fields(kind) if callable(field.default)), None)


def moved(idea: Strategy, name: str, value: Any) -> Strategy:
    """Return an idea after a control was moved; another kind starts with its own parameters.

    Parameters
    ----------
    idea : Strategy
        Before it.
    name : {"kind", "strike", "width", "lots"}
        The control.
    value : object
        A class name of `kit.strategies.FAMILIES`, listed strikes out of the money, rupees, or lots.

    Raises
    ------
    SettingsError
        No strategy has this name, or a parameter makes no position.
    """
    if name == "kind":
        if value not in _KINDS:
            raise SettingsError("No strategy has this name", value, f"Choose from {', '.join(_KINDS)}.")
        return _KINDS[value](lots=idea.lots)
    if name == "strike":
        name, value = _pick_of(type(idea)) or name, Offset(value)
    return replace(idea, **{name: value})


def steps_out(idea: Strategy, snapshot: ChainSnapshot) -> int:
    """Return how many listed strikes out of the money an idea's call is, or its put where it has none."""
    pick = getattr(idea, _pick_of(type(idea)) or "", None)
    if pick is None:
        return 0
    rights: tuple[Right, Right] = ("PE", "CE") if "Put" in type(idea).__name__ else ("CE", "PE")
    strikes, strike = snapshot.strikes, pick(snapshot, rights[0])
    away = strikes.index(strike) - strikes.index(snapshot.atmf_strike)
    return away if rights[0] == "CE" else -away


class PayoffPanel(MarketPanel):
    """Profit at expiry of one strategy on one chain; the idea is shared with the other panels.

    Parameters
    ----------
    source : Desk, Context, ChainSnapshot or sequence of ChainSnapshot
        Where the chain comes from that the legs are priced on.

    Attributes
    ----------
    idea : Strategy
        What is shown: with its own parameters until a slider is moved, as in a ranking.
    """

    heading = "Payoff"
    lead = "Choose a strategy and move its strikes; bought at the ask, sold at the bid, charges apart."

    def __init__(self, source: Any) -> None:
        self.quiet = False
        super().__init__(source)
        self.context.observe(self._another_idea, "idea")

    def controls(self) -> dict[str, Any]:
        """Return strategy, strike, width and lots."""
        self.idea = _as_strategy(self.context.idea or IronCondor())
        step = float(np.diff(self.source.strikes).min())
        label = sized(290, 64)
        lots = NumberField(Size(), "lots", "Lots")
        lots.style, lots.layout.width = {"description_width": "40px"}, "110px"
        lots.observe(self._wrong_lots, "wrong")
        names = [(words(name).capitalize(), name) for name in _KINDS]
        return {
            "kind": w.Dropdown(options=[*names, ("Own legs", OWN)], description="Strategy", **label),
            "strike": w.IntSlider(0, -20, 60, description="Steps out", tooltip="Strikes away", **label),
            "width": w.FloatSlider(
                5 * step, min=step, max=20 * step, step=step, readout_format=".0f", description="Width",
                tooltip="Rupees between a short strike and its wing", **label,
            ),
            "lots": lots,
        }  # fmt: skip

    def body(self) -> list[Any]:
        """Return controls, figures and the plot."""
        self.plot = LiveFigure(1000, 400)
        self.tiles = w.HTML()
        self._drawn: ChainSnapshot | None = None
        self.header.numbers.layout.display = "none"  # there is no table
        return [flow(*self.inputs.values()), self.errors, self.tiles, self.plot, self.words]

    @staticmethod
    def compute(source: ChainSnapshot, idea: Strategy) -> Payoff:
        """Price an idea on the chain and find its shape.

        Parameters
        ----------
        source : ChainSnapshot
            The chain, with those of other expiries of the idea beside it.
        idea : Strategy
            What is shown.

        Raises
        ------
        DataError
            The chain lacks a strike or a price that the strategy needs.
        """
        name = str(Position.parse(idea.text)) if isinstance(idea, OwnLegs) else words(type(idea).__name__)
        return payoff(idea.legs(source), source, REACH, name[:1].upper() + name[1:])

    @property
    def values(self) -> dict[str, Any]:
        """What `compute` is asked for."""
        return {"idea": self.idea}

    @shown
    def refresh(self, change: Any = None) -> None:
        """Compute and draw; a moved control changes the idea, here and in the other panels."""
        if self.quiet:
            return
        if change is not None:
            name = next(name for name, control in self.inputs.items() if control is change.owner)
            if (name, change.new) == ("kind", OWN):
                raise SettingsError(
                    "There are no legs of your own", OWN, "Build them in the position builder."
                )
            self.idea = moved(self.idea, name, change.new)
        if wrong := self.inputs["lots"].wrong:
            raise SettingsError("The lots are wrong", wrong, "Correct them to go on.")
        self._look()
        if change is not None:
            self.context.idea = self.idea

    def _look(self) -> None:
        self.source = self.context.beside(self.idea)
        self.draw(self.compute(self.source, self.idea))
        self._follow()

    def _follow(self) -> None:
        """Put the controls where the idea stands."""
        kind, takes = type(self.idea), parameters(type(self.idea))
        with quietly(self):
            self.inputs["kind"].value = OWN if kind is OwnLegs else kind.__name__
            self.inputs["lots"].put(self.idea.lots)
            for name in ("strike", "width"):
                self.inputs[name].disabled = name not in takes
            if "strike" in takes:
                self.inputs["strike"].value = steps_out(self.idea, self.source)
            if "width" in takes:
                self.inputs["width"].value = getattr(self.idea, "width", 0.0)

    @shown
    def _another_idea(self, change: Any) -> None:
        if change.new is None or change.new == self.idea:
            return
        self.idea = _as_strategy(change.new)
        self._look()

    def _wrong_lots(self, change: Any) -> None:
        if change.new:
            self.errors.show(change.new)
        else:
            self.refresh()

    def code(self) -> str:
        """Return Python that scores the position shown."""
        chain, idea = self.source, self.idea
        return (
            "from kit.desk import open_desk\n"
            "from kit.evaluation.metrics import score\n"
            f"{imports([idea])}\n"
            "desk = open_desk()\n"
            f"days = {[*map(str, chain.expiries)]!r}\n"
            f'near, *later = (desk.data.option_chain("{chain.underlying}", day) for day in days)\n'
            "chain = near.beside(*later)\n"
            f"score({python(idea)}.legs(chain), chain)\n"
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
        self._lines.show(result)
        self.tiles.value = facts(figures(result.score))
        self.words.value = summary(describe(result, self.source))


def _as_strategy(idea: Strategy | Position) -> Strategy:
    """Return an idea as a strategy that the panel can show: a position as its legs."""
    return idea if isinstance(idea, Strategy) else OwnLegs(str(idea))


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


def trade(leg: Leg, dated: bool = False) -> str:
    """Write one leg as an order: ``sell 1 CE 55,400 at 438.65``, with its expiry where there are several."""
    side = "sell" if leg.lots < 0 else "buy"
    contract = f"{leg.right} {leg.strike:,.0f}" if leg.is_option else leg.right
    until = f" {leg.expiry:%d %b %Y}" if dated and leg.expiry else ""
    return f"{side} {abs(leg.lots)} {contract}{until} at {leg.price:,.2f}"


def _loss(most_inr: float) -> str:
    return "its loss is unlimited" if most_inr == inf else f"loses at most {rupees(most_inr)}"


def describe(result: Payoff, snapshot: ChainSnapshot) -> str:
    """Say in words what the plot shows."""
    scored = result.score
    where = f"{snapshot.underlying} {snapshot.expiry:%d %b %Y}, lots of {snapshot.lot_size}"
    several = len(snapshot.expiries) > 1
    legs = ", ".join(trade(leg, several) for leg in scored.legs)
    end = "the first expiry" if several else "expiry"
    return (
        f"{result.name} on {where}: {legs}. At {end} it earns at most "
        f"{rupees(scored.max_profit_inr)}, {_loss(scored.max_loss_inr)} and breaks even at "
        f"{levels(scored.breakevens, ' and ')}; spot is {snapshot.spot:,.2f}"
        f"{mark(snapshot.derived, 'spot')}. Verdict: {scored.verdict}."
    )
