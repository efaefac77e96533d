"""The position builder: put legs together, move date, index and volatility, see what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ipywidgets as w
import pandas as pd
import traitlets as t

from kit.clock.sessions import session
from kit.errors import DataError
from kit.evaluation.attribution import attribute
from kit.evaluation.moved_smile import Kept
from kit.evaluation.outlook import Outlook, Scenario, Standing, heat, outlook, standing, target_dates
from kit.model import ChainSnapshot, Position
from kit.strategies import IronCondor
from kit.strategies.base import Strategy
from kit.widgets.frame.fields import flow, sized
from kit.widgets.frame.grid import Grid
from kit.widgets.frame.live import LiveFigure, styled
from kit.widgets.frame.panel import MarketPanel, quietly, shown
from kit.widgets.frame.style import facts, summary
from kit.widgets.panels.position.builder import PositionBuilder
from kit.widgets.panels.position.holding import LEGS, leg_rows
from kit.widgets.panels.position.pictures import Heat, PositionPlot
from kit.widgets.panels.position.words import CAUSES, cause_row, describe, figures

_NO_LEGS = "Add a leg first: click a price, choose a preset or type one."


@dataclass(frozen=True)
class PositionView:
    """What the panel shows of a position: the outlook, its heat map and the date looked at."""

    found: Outlook
    heat: Heat
    date: datetime


class PositionPanel(MarketPanel):
    """One position: its legs, its profit now, then and at expiry, its margin and what moves it.

    Parameters
    ----------
    source : Desk, Context, ChainSnapshot or sequence of ChainSnapshot
        Where chains come from; a desk is asked for each expiry when it is needed.
    idea : Strategy, Position or str, optional
        What to start with: the one chosen in another panel, else an iron condor. Text is read as
        `kit.model.Position.parse` reads it.

    Attributes
    ----------
    builder : PositionBuilder
        Its `position` is what is held.
    result : PositionView or None
        What is shown.
    """

    heading = "Position"
    lead = (
        "Click a price in the ladder to add a leg, choose a preset, or type legs; then move date, index and "
        "volatility."
    )

    def __init__(self, source: Any, idea: Strategy | Position | str | None = None) -> None:
        self.result: PositionView | None = None
        self._standing: Standing | None = None
        self._entered: ChainSnapshot | None = None
        self.quiet = True
        super().__init__(source)
        self.context.observe(self._another_idea, "idea")
        self._start(idea if idea is not None else self.context.idea or IronCondor(), idea is not None)

    def controls(self) -> dict[str, Any]:
        """Return the scenario: date, shifts of index and volatility, what the smile is held in."""
        look, short = sized(310, 64), sized(180, 64)
        return {
            "date": w.SelectionSlider(
                options=[("now", self.source.taken_at)], description="Date",
                tooltip="When the position is looked at: now, or a close", **look,
            ),
            "spot_pct": w.FloatSlider(
                0, min=-10, max=10, step=0.25, readout_format="+.2f", description="Index %",
                tooltip="Shift of the index, percent, -10 to 10", **look,
            ),
            "iv_points": w.FloatSlider(
                0, min=-10, max=10, step=0.5, readout_format="+.1f", description="IV points",
                tooltip="Added to every volatility, percentage points, -10 to 10", **look,
            ),
            "kept": w.Dropdown(
                options=["strike", "moneyness", "delta"], description="Smile in",
                tooltip="What keeps its volatility when the index moves", **short,
            ),
            "by": w.Dropdown(
                options=["volatility", "date"], description="Map by",
                tooltip="What the heat map runs over beside the index", **short,
            ),
        }  # fmt: skip

    def body(self) -> list[Any]:
        """Return header, what builds the position, the ladder and what becomes of it."""
        self.builder = PositionBuilder(self.context, self.errors)
        self.builder.observe(self._another_position, "position")
        self.plot, self.tiles = LiveFigure(1080, 400, least=760), w.HTML()
        self.legs = Grid("Legs of the position", sortable=False, clickable=True, searchable=False)
        self.legs.observe(self._leg_clicked, "clicked")
        self.causes = Grid("Attribution", sortable=False, searchable=False)
        for grid in (self.builder.ladder, self.legs, self.causes):
            t.dlink((self.context, "numbers"), (grid, "numbers"))
        self.enter = w.Button(
            description="Enter", layout=w.Layout(width="76px"),
            tooltip="Keep these prices as the entry; newer quotes then show what was earned since",
        )  # fmt: skip
        self.enter.on_click(self._enter)
        self._drawn: ChainSnapshot | None = None
        scenario = flow(*self.inputs.values(), self.enter)
        outcome = w.VBox([self.legs, scenario, self.tiles, self.plot, self.causes, self.words])
        outcome.add_class("kit-outcome")
        sides = flow(self.builder.ladder, outcome)
        sides.add_class("kit-sides")
        return [self.builder, self.errors, sides]

    @staticmethod
    def compute(
        source: Standing,
        date: datetime,
        spot_pct: float = 0.0,
        iv_points: float = 0.0,
        kept: Kept = "strike",
        by: str = "volatility",
    ) -> PositionView:
        """Look at a position under a scenario.

        Parameters
        ----------
        source : Standing
            The position, see `kit.evaluation.outlook.standing`.
        date : datetime
            When it is looked at.
        spot_pct, iv_points : float
            Shifts of the index, percent, and of every volatility, percentage points.
        kept : {"strike", "moneyness", "delta"}
            What keeps its volatility.
        by : {"volatility", "date"}
            What the heat map runs over beside the index.
        """
        days = max((date - source.chain.taken_at).total_seconds() / 86_400, 0.0)
        scenario = Scenario(days, spot_pct / 100, iv_points / 100, kept)
        return PositionView(outlook(source, scenario), heat(source, scenario, by), date)

    @shown
    def refresh(self, _: Any = None) -> None:
        """Compute and draw with position and scenario as they stand."""
        if self.quiet:
            return
        if self._standing is None:
            self._show_nothing()
            return
        self.result = self.compute(self._standing, **self.values)
        self.draw(self.result)

    def _show_nothing(self) -> None:
        self.result, self._drawn, self.plot.layout.display = None, None, "none"
        self.tiles.value, self.words.value = "", summary(f"There are no legs yet. {_NO_LEGS}")
        self.legs.show(LEGS, [])
        self.causes.show(CAUSES, [])

    def draw(self, result: PositionView) -> None:
        """Move the pictures; write legs, figures and causes."""
        found = result.found
        if self.source is not self._drawn:  # other expiries, or newer quotes
            self._drawn = self.source
            self.plot.figure.clear()
            with styled():
                self._lines = PositionPlot(self.plot, self.source)
        self._lines.show(found, result.heat, self.inputs["by"].value)
        self.legs.show(LEGS, leg_rows(found))
        causes = [cause_row("From now to the scenario", found.attribution)]
        if self._entered is not None:
            since = f"Since the entry, {self._entered.taken_at:%d %b %H:%M:%S}"
            parts = attribute(found.standing.position, self._entered, self.source)
            causes.append(cause_row(since, parts))
        self.causes.show(CAUSES, causes)
        self.tiles.value = facts(figures(found))
        self.words.value = summary(describe(found, result.date))

    @shown
    def _start(self, idea: Strategy | Position | str, given: bool) -> None:
        if isinstance(idea, str):
            idea = Position.parse(idea, self.context.underlying)
        named = [leg.expiry for leg in idea if leg.expiry] if isinstance(idea, Position) else []
        if given and named and min(named) in self.context.expiries:
            self.context.choose(min(named))  # the ladder of what is held
        self.builder.take(idea)

    @shown
    def _another_idea(self, change: Any) -> None:
        if change.new is not None and change.new is not self.builder.idea:
            self.builder.take(change.new)

    @shown
    def _another_position(self, _: Any) -> None:
        self._entered = None
        self._stand()
        self.context.idea = self.builder.idea

    @shown
    def _another_chain(self, change: Any) -> None:
        idea = self.builder.idea
        if isinstance(idea, Strategy) and change.new.expiry != change.old.expiry:  # chosen in another panel
            self.builder.take(idea)
        self.builder.arrange()
        self._stand()

    def _stand(self) -> None:
        """Bring chains and dates up to the position, and look at it again."""
        legs = self.builder.position or ()
        self.source = self.context.spanning(leg.expiry for leg in legs if leg.right != "INDEX")
        self._standing = standing(legs, self.source) if legs else None
        with quietly(self):
            self._arrange_dates()
        self.refresh()

    def _arrange_dates(self) -> None:
        slider = self.inputs["date"]
        chosen = None if slider.index == 0 else slider.value
        moments = [moment for moment, _ in target_dates(self.source, min(self.source.expiries))]
        closes = {session(moment.date()).close for moment in moments[1:]}
        names = [
            f"{moment:%a %d %b}" if moment in closes else f"{moment:%d %b %H:%M}" for moment in moments[1:]
        ]
        options = tuple(zip(["now", *names], moments, strict=True))
        if slider.options != options:
            slider.options = options
            slider.index = 0 if chosen is None else sum(moment < chosen for moment in moments[:-1])

    @shown
    def _leg_clicked(self, change: Any) -> None:
        self.builder.change(change.new["key"], change.new["column"])

    @shown
    def _enter(self, _: Any) -> None:
        found = self._shown().found
        self.builder.hold(found.standing.position)
        self._entered = self.source
        self.refresh()

    def _shown(self) -> PositionView:
        if self.result is None:
            raise DataError("There is no position", None, _NO_LEGS)
        return self.result

    def code(self) -> str:
        """Return Python that looks at the position shown."""
        scenario, days = self._shown().found.scenario, ", ".join(f'"{day}"' for day in self.source.expiries)
        return (
            "from kit import Position\n"
            "from kit.desk import open_desk\n"
            "from kit.evaluation.outlook import Scenario, outlook, standing\n\n"
            "desk = open_desk()\n"
            f'near, *later = (desk.data.option_chain("{self.source.underlying}", day) for day in [{days}])\n'
            f'position = Position.parse("{self.builder.position}")\n'
            f"outlook(standing(position, near.beside(*later)), {scenario!r})\n"
        )

    def data(self) -> pd.DataFrame:
        """Return the curves: profit now, in the scenario and at the first expiry by index level."""
        found = self._shown().found
        held = found.standing
        curves = {"now_inr": held.now_inr, "scenario_inr": found.then_inr, "expiry_inr": held.expiry_inr}
        return pd.DataFrame(curves, index=pd.Index(held.level, name="level"))
