"""What puts a position together: expiry, preset, lots, text, ladder, undo."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import ipywidgets as w
import traitlets as t

from kit.errors import KitError
from kit.model import Leg, Position
from kit.strategies import FAMILIES
from kit.strategies.base import Strategy, words
from kit.widgets.frame.context import Context
from kit.widgets.frame.fields import NumberField, flow, sized
from kit.widgets.frame.grid import Grid
from kit.widgets.frame.panel import ErrorBox, quietly, shown
from kit.widgets.panels.position.holding import LADDER, Size, added, dated, held_of, ladder_rows

OWN = "Own legs"
PRESETS = {words(kind.__name__).capitalize(): kind for kind in FAMILIES}


class PositionBuilder(w.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The controls that change the legs; whoever shows them observes `position`.

    Parameters
    ----------
    context : Context
        Whose chains are traded.
    errors : ErrorBox
        Where a wrong text or a missing contract is told.

    Attributes
    ----------
    position : Position or None
        The legs; those without a price of their own follow the quotes.
    idea : Strategy, Position or None
        What the legs were made from; what other panels are told.
    ladder : Grid
        Prices to click; shown beside the rest.
    """

    position = t.Any(None)

    def __init__(self, context: Context, errors: ErrorBox) -> None:
        self.context, self.errors = context, errors
        self.idea: Strategy | Position | None = None
        self._past: list[Position | None] = []
        self.quiet = False
        self.ladder = Grid("What can be bought and sold", sortable=False, clickable=True, searchable=False)
        self.ladder.add_class("kit-ladder")
        self.ladder.observe(self._priced, "clicked")
        super().__init__([self._choices(), self._typing()])

    def _choices(self) -> Any:
        self.expiry = w.Dropdown(
            options=[(f"{day:%d %b %Y}", day) for day in self.context.expiries], description="Expiry",
            value=self.context.chain.expiry, tooltip="Of the ladder, and of the next leg",
            **sized(190, 48),
        )  # fmt: skip
        self.expiry.observe(self._dated, "value")
        self.preset = w.Dropdown(
            options=[OWN, *PRESETS], description="Preset", tooltip="A family of strategies",
            **sized(270, 48),
        )  # fmt: skip
        self.preset.observe(self._chosen, "value")
        self.lots = NumberField(Size(), "lots", "Lots")
        self.lots.style, self.lots.layout.width = {"description_width": "36px"}, "100px"
        self.lots.observe(self._sized, "wrong")
        self.lots.observe(self._resized, "number")
        small = {"layout": w.Layout(width="76px")}
        self.undo = w.Button(description="Undo", tooltip="Take the last change of the legs back", **small)
        self.undo.on_click(self._undone)
        self.clear = w.Button(description="Clear", tooltip="Remove every leg", **small)
        self.clear.on_click(self._cleared)
        return flow(self.expiry, self.preset, self.lots, self.undo, self.clear)

    def _typing(self) -> Any:
        self.text = w.Text(
            description="Legs", continuous_update=False, placeholder="-1 54900CE +1 55400CE 29DEC2026",
            tooltip="Lots and contract, an expiry behind the legs it holds for; @ sets an entry price",
            style={"description_width": "48px"},
            layout=w.Layout(width="calc(100% - 8px)", max_width="1080px"),
        )  # fmt: skip
        self.text.observe(self._written, "value")
        return self.text

    def take(self, idea: Strategy | Position | None) -> None:
        """Show another idea; a strategy's legs are those on the chain shown."""
        self.hold(None if idea is None else self._held(idea), idea=idea)

    def hold(
        self, position: Position | None, preset: str = OWN, idea: Strategy | Position | None = None
    ) -> None:
        """Show another position, the legs of an idea if one is given, and remember the one before."""
        if self.position is not None or self._past:
            self._past.append(self.position)
        self._put(position, preset, idea)

    def arrange(self) -> None:
        """Bring ladder, expiry and text up to the position and the chain."""
        with quietly(self):
            self.expiry.value = self.context.chain.expiry
            self.ladder.show(LADDER, ladder_rows(self.context.chain, self.position))
            self.text.value = "" if self.position is None else str(self.position)
            self.text.remove_class("kit-wrong")
            self.undo.disabled, self.clear.disabled = not self._past, self.position is None

    def _put(
        self, position: Position | None, preset: str = OWN, idea: Strategy | Position | None = None
    ) -> None:
        with quietly(self):
            self.preset.value = preset
            if isinstance(idea, Strategy):
                self.lots.put(idea.lots)
        self.idea = idea or position
        self.position = position
        self.arrange()

    def _held(self, idea: Strategy | Position) -> Position:
        return held_of(idea, self.context.chain if isinstance(idea, Position) else self.context.beside(idea))

    @shown
    def _dated(self, change: Any) -> None:
        if self.quiet:
            return
        if isinstance(self.idea, Strategy):  # its legs stay, the next ones are of the other expiry
            self.idea = self.context.idea = self.position
        try:
            self.context.choose(change.new)
        except KitError:
            with quietly(self):
                self.expiry.value = self.context.chain.expiry  # what is shown
            raise

    @shown
    def _chosen(self, change: Any) -> None:
        if not self.quiet and change.new != OWN:
            idea = PRESETS[change.new](lots=self.lots.number)
            self.hold(self._held(idea), change.new, idea)

    def _sized(self, change: Any) -> None:
        self.ladder.clickable, self.preset.disabled = not change.new, bool(change.new)
        if change.new:
            self.errors.show(change.new)
        else:
            self.errors.clear()

    @shown
    def _resized(self, _: Any) -> None:
        """Take a strategy that is shown as often; of own legs the next one."""
        if not self.quiet and isinstance(self.idea, Strategy):
            idea = replace(self.idea, lots=self.lots.number)
            self.hold(self._held(idea), self.preset.value, idea)

    @shown
    def _written(self, change: Any) -> None:
        if self.quiet:
            return
        context, text = self.context, change.new.strip()
        try:
            held = None
            if text:
                held = dated(
                    Position.parse(text, context.underlying), context.chain.expiry, context.underlying
                )
                context.spanning(leg.expiry for leg in held if leg.right != "INDEX").priced(held)
        except KitError:
            self.text.add_class("kit-wrong")
            raise
        self.hold(held)

    @shown
    def _priced(self, change: Any) -> None:
        told, chain = change.new, self.context.chain
        lots = self.lots.number * (1 if told["column"] == "buy" else -1)
        right: Any = "CE" if told["group"] == "Calls" else "PE"
        self.hold(
            added(self.position, Leg(right, float(told["key"]), lots, nan, chain.expiry), chain.underlying)
        )

    @shown
    def change(self, place: int, column: str) -> None:
        """Buy or sell one lot more of a leg (``"more"``, ``"less"``), or take it ``"out"``."""
        assert self.position is not None, "a leg was clicked"
        leg = self.position[place]
        lots = {"more": 1, "less": -1, "out": -leg.lots}[column]
        self.hold(added(self.position, replace(leg, lots=lots), self.position.underlying))

    @shown
    def _undone(self, _: Any) -> None:
        if self._past:
            self._put(self._past.pop())

    @shown
    def _cleared(self, _: Any) -> None:
        self.hold(None)
