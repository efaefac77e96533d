"""The scanner panel: every position of the families, filtered and ranked, the best as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from math import nan
from threading import Event
from typing import Any

import ipywidgets as w
import pandas as pd
import traitlets as t

from kit.errors import DataError, KitError, SettingsError
from kit.evaluation.metrics import score_on
from kit.evaluation.scan import ScanResult, scan
from kit.evaluation.scan.scan import OnBest
from kit.model import ChainSnapshot, Position
from kit.widgets.frame.fields import flow
from kit.widgets.frame.grid import Grid
from kit.widgets.frame.job import Job, OnProgress, ShouldStop, Work
from kit.widgets.frame.live import LiveFigure
from kit.widgets.frame.panel import MarketPanel, shown
from kit.widgets.frame.runner import Runner
from kit.widgets.frame.style import facts, summary
from kit.widgets.panels.position.holding import held_of
from kit.widgets.panels.scan.controls import ONE_FIGURE, controls
from kit.widgets.panels.scan.pictures import beside, trade_off
from kit.widgets.panels.scan.table import describe, table_of
from kit.widgets.panels.scan.wanted import (
    LABELS,
    Wanted,
    chosen,
    removed_words,
    spans,
    where,
    widths_of,
)

DRAW_S = 0.2  # what comes together is drawn together


class ScanPanel(MarketPanel):
    """Every position of some families on a chain: Run, the best as they come, Cancel.

    Parameters
    ----------
    source : Desk, Context, ChainSnapshot or sequence of ChainSnapshot
        Where the chain comes from.

    Attributes
    ----------
    result : ScanResult or None
        Of the last run; after a Cancel the best of what was scored.
    """

    heading = "Scanner"
    lead = "Run scores every position of the families and keeps the best; click one to open it as a position."

    def __init__(self, source: Any) -> None:
        self.result: ScanResult | None = None
        self._drawing = False
        super().__init__(source)
        self.context.observe(self._another_idea, "idea")

    def controls(self) -> dict[str, Any]:
        """Return families, bounds, further filters, widths, order, view and entry."""
        made = controls()
        for name in LABELS:
            made[name].observe(self.refresh, "wrong")
        return made

    def body(self) -> list[Any]:
        """Return families, bounds, order, Run, what was removed, the picture and the table."""
        one = self.inputs
        bounds = w.HBox(
            [one[name] for name in LABELS],
            layout=w.Layout(flex_flow="row wrap", width="410px", align_content="flex-start"),
        )
        typed = w.VBox([one["further"], one["widths"]])
        order = w.VBox([one[name] for name in ("rank_by", "against", "view", "entry")])
        self.runner = Runner(self._prepare, self._ended, self.errors.show, tooltip="Score every position")
        self.tiles, self.plot = w.HTML(), LiveFigure(1080, 330)
        self.table = Grid("Positions, ranked", clickable=True)
        self.table.observe(self._clicked, "clicked")
        t.dlink((self.context, "numbers"), (self.table, "numbers"))
        controls = flow(w.VBox([one["families"], typed]), bounds, order)
        return [controls, self.runner, self.errors, self.words, self.tiles, self.table, self.plot]

    @property
    def values(self) -> dict[str, Any]:
        """What `compute` is asked for: the bounds as one, the rest by name."""
        bounds = Wanted(**{name: self.inputs[name].number for name in LABELS})
        rest = {name: control.value for name, control in self.inputs.items() if name not in LABELS}
        return {"wanted": bounds, **rest}

    @staticmethod
    def compute(
        source: ChainSnapshot,
        families: Sequence[str] = ("all",),
        wanted: Wanted | None = None,
        further: str = "",
        widths: str = "",
        rank_by: str = "return_on_margin",
        against: str = ONE_FIGURE,
        view: str = "market",
        entry: str = "touch",
        on_best: OnBest | None = None,
        stop: Event | None = None,
    ) -> ScanResult:
        """Scan a chain.

        Parameters
        ----------
        source : ChainSnapshot
            The chain.
        families : sequence of str
            Names, or ``"all"``.
        wanted : Wanted, optional
            Bounds, and how many to keep.
        further, widths : str
            Typed filters and wings.
        rank_by, against : str
            A figure, and one for a Pareto front or ``"none"``.
        view, entry, on_best, stop
            As in `kit.evaluation.scan.scan`.

        Raises
        ------
        SettingsError
            What was typed is no filter, or no width.
        DataError
            Nothing passes: says which filter removed how many.
        """
        bounds = wanted or Wanted()
        order = rank_by if against in (ONE_FIGURE, rank_by) else (rank_by, against)
        return scan(
            source, chosen(families), where=where(bounds, further), top=bounds.top, widths=widths_of(widths),
            rank_by=order, view=view, entry=entry, on_best=on_best, stop=stop,
        )  # fmt: skip

    def refresh(self, _: Any = None) -> None:
        """Check what was typed; a result that no longer belongs to the controls says so."""
        wrong = self._wrong()
        running = self.runner.job is not None and self.runner.job.state == "running"
        self.runner.run.disabled = bool(wrong) or running
        if wrong:
            self.errors.show(wrong)
            return
        self.errors.clear()
        stale = "The controls or the quotes have changed since: press Run."
        self.words.value = summary("Press Run." if self.result is None else stale)

    def _wrong(self) -> str:
        """Say what is wrong with what was typed, by label; nothing where all is right."""
        wrong = [field.wrong for name in LABELS if (field := self.inputs[name]).wrong]
        typed: dict[str, Callable[[str], object]] = {
            "further": lambda text: where(Wanted(), text),
            "widths": lambda text: widths_of(text, self.source.strikes),
        }
        for name, read in typed.items():
            field = self.inputs[name]
            try:
                read(field.value)
                field.remove_class("kit-wrong")
            except KitError as error:
                field.add_class("kit-wrong")
                wrong.append(f"{field.description}: {error}")
        return " ".join(wrong)

    def _prepare(self) -> Work:
        if wrong := self._wrong():
            raise SettingsError("Not a scan yet", wrong, "Correct it to run.")
        self.errors.clear()
        self._drawing = False
        asked, stop = self.values, Event()
        source = self._asked_chain()

        def work(on_progress: OnProgress, should_stop: ShouldStop) -> ScanResult:
            def best(found: ScanResult) -> None:
                scored, every = found.kept.scored, max(found.enumerated, 1)
                on_progress(scored / every, f"{scored:,} of {every:,} positions")
                if should_stop():
                    stop.set()
                self.result = found
                if not self._drawing:
                    self._drawing = True
                    self.home.later(DRAW_S, self._draw_so_far)

            return self.compute(source, **asked, on_best=best, stop=stop)

        return work

    def _asked_chain(self) -> ChainSnapshot:
        """Return the chain shown, with the next expiry beside it where a family spans two."""
        later = self._later() if spans(self.inputs["families"].value) else []
        chain: ChainSnapshot = self.source
        return self.context.spanning([chain.expiry, *later]) if later else chain

    def _later(self) -> list[date]:
        return [day for day in self.context.expiries if day > self.source.expiry][:1]

    @shown
    def _draw_so_far(self) -> None:
        self._drawing = False
        job = self.runner.job
        if self.result is not None and (job is None or job.state == "running"):
            self.draw(self.result)

    @shown
    def _ended(self, job: Job) -> None:
        self.result = job.outcome()
        self.draw(job.result)

    def draw(self, result: ScanResult) -> None:
        """Write the table and what was removed; draw what gives way to what."""
        self.table.show(*table_of(result))
        told = {
            "Positions": f"{result.enumerated:,}", "Scored": f"{result.kept.scored:,}",
            "Kept": f"{len(result):,}", **removed_words(result.removed, result.kept.scored),
        }  # fmt: skip
        if result.missing:
            told["A contract not listed or priced"] = f"{result.missing:,}"
        self.tiles.value = facts(told)
        self.words.value = summary(describe(result))
        self._draw_plot(result)

    def _draw_plot(self, result: ScanResult) -> None:
        y, *others = result.order.names
        x = others[0] if others else beside(result, y)
        own = self._own(result)
        self.plot.paint(partial(trade_off, found=result, x=x, y=y, own=own))

    def _own(self, result: ScanResult) -> dict[str, float] | None:
        """Return the figures of the idea chosen in another panel, if it is of this expiry."""
        idea, chain = self.context.idea, result.chain
        try:
            legs = held_of(idea, chain) if idea is not None else ()
            if not legs or any(leg.expiry not in (None, chain.expiry) for leg in legs):
                return None
            return score_on(chain.priced(Position(tuple(legs), chain.underlying)), chain, result.terms).row()
        except KitError:  # the chain lacks a strike of it: then there is nothing to mark
            return None

    @shown
    def _another_idea(self, _: Any) -> None:
        if self.result is not None and len(self.result):
            self._draw_plot(self.result)

    @shown
    def _clicked(self, change: Any) -> None:
        found = self._scanned()
        legs = tuple(replace(leg, price=nan) for leg in found.legs(int(change.new["key"])))
        self.context.open(held_of(Position(legs, found.chain.underlying), found.chain))

    def _scanned(self) -> ScanResult:
        if self.result is None:
            raise DataError("Nothing has been scanned yet", None, "Press Run.")
        return self.result

    def code(self) -> str:
        """Return Python that runs the scan of the controls."""
        chain, asked = self.source, self.values
        against = asked["against"]
        rank = asked["rank_by"] if against == ONE_FIGURE else (asked["rank_by"], against)
        ask = f'desk.data.option_chain("{chain.underlying}", "%s")'
        later = [ask % day for day in self._later()] if spans(asked["families"]) else []
        return (
            "from kit.desk import open_desk\n"
            "from kit.evaluation.scan import scan\n\n"
            "desk = open_desk()\n"
            f"chain = {ask % chain.expiry}\n{''.join(f'chain = chain.beside({one})' for one in later)}\n"
            f"scan(chain, {[*chosen(asked['families'])]!r},\n"
            f"     where={where(asked['wanted'], asked['further'])!r},\n"
            f"     rank_by={rank!r}, top={asked['wanted'].top}, widths={widths_of(asked['widths'])!r},\n"
            f"     view={asked['view']!r}, entry={asked['entry']!r})\n"
        )

    def data(self) -> pd.DataFrame:
        """Return every figure of what was kept."""
        return self._scanned().table
