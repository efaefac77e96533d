"""The backtest panel: a plan as form and as YAML, its data, Run with Cancel, what it would have earned."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as w
import pandas as pd

from kit.backtest import BacktestResult, Plan
from kit.backtest.band import band_sentence
from kit.backtest.grid_words import grid_of
from kit.backtest.holdings import skipped_words
from kit.backtest.plan.ready import ready_plan, ready_plans
from kit.backtest.report import draw_drawdown, draw_equity, page
from kit.backtest.sweep_result import SweepResult
from kit.bars.minute_store import MinuteStore
from kit.collecting import minutes_of
from kit.errors import DataError, KitError, SettingsError
from kit.settings import Settings
from kit.shown import counted
from kit.widgets.frame.fields import flow, sized
from kit.widgets.frame.grid import Grid
from kit.widgets.frame.header import Action, SavedFile, venue_line
from kit.widgets.frame.job import Job, OnProgress, ShouldStop, Work
from kit.widgets.frame.live import LiveFigure
from kit.widgets.frame.panel import HANDED, Panel, quietly, shown
from kit.widgets.frame.runner import Runner
from kit.widgets.frame.style import facts, summary
from kit.widgets.panels.backtest import pictures
from kit.widgets.panels.backtest.controls import controls
from kit.widgets.panels.backtest.form import BOXES, DIFFERS, changed, written
from kit.widgets.panels.backtest.tables import TRADES, labelled, sweep_words, table_of, tiles, trade_rows
from kit.widgets.panels.backtest.tasks import TASKS, BacktestAsked, checked_score, day_of

Outcome = BacktestResult | SweepResult | str | None
_PATHS = {box.path: box.help for box in BOXES}


class BacktestPanel(Panel):
    """Would a plan have earned? The plan as form and text, the days, trades, band and sweep.

    Parameters
    ----------
    source : Desk or Settings, optional
        Whose exchange minutes are collected from; default the simulated one.
    plan : Plan or str, default "short_straddle_920"
        A plan, or the name of a ready one.
    store : MinuteStore or path, optional
        Where the minutes are; default a store in the cache folder, one for each simulated market.

    Attributes
    ----------
    plan : Plan
        What Run trades: the last right one.
    result : BacktestResult or None
        Of the last backtest.
    sweep : SweepResult or None
        Of the last sweep.
    """

    hands_over = HANDED
    heading = "Backtest"
    lead = (
        "A plan as a form and as text, the same thing both ways; Run trades it over the minutes in the store."
    )

    def __init__(
        self,
        source: Any = None,
        plan: Plan | str = "short_straddle_920",
        store: MinuteStore | str | Path | None = None,
    ) -> None:
        self.settings: Settings = getattr(source, "settings", source) or Settings()
        self.plan = ready_plan(plan) if isinstance(plan, str) else plan
        where = minutes_of(self.settings) if store is None else store
        self.store = where if isinstance(where, MinuteStore) else MinuteStore(where, self.plan.underlying)
        self.result: BacktestResult | None = None
        self.sweep: SweepResult | None = None
        self.quiet, self._wrong = False, dict[str, str]()
        super().__init__(self.settings)

    def controls(self) -> dict[str, Any]:
        """Return a box for each key of the form, the text, and what the runs ask for."""
        return controls()

    def body(self) -> list[Any]:
        """Return plan, data, Run, and what came of it."""
        one = self.inputs
        self.ready = w.Dropdown(
            options=["own plan", *ready_plans()], value="own plan", description="Ready plan",
            **sized(452, 116),
        )  # fmt: skip
        self.ready.observe(self._chosen, "value")
        form = w.HBox(
            [self.ready, *(one[box.path] for box in BOXES)],
            layout=w.Layout(flex_flow="row wrap", width="470px", align_content="flex-start"),
        )
        data = flow(*(one[name] for name in ("first", "last", "score", "grid", "files")))
        self.task = w.Dropdown(options=list(TASKS), tooltip="What Run does", layout=w.Layout(width="170px"))
        self.runner = Runner(self._prepare, self._ended, self.errors.show, tooltip="Start what is chosen")
        self.tiles = w.HTML()
        self.stored, self.plot, self.heat = (LiveFigure(1080, height) for height in (190, 210, 330))
        self.trades, self.sets = (Grid(name, titled=True) for name in ("Trades", "Sets of the sweep"))
        band = "Band: the same plan under other fills"
        self.band = Grid(band, sortable=False, searchable=False, titled=True)
        self.said = w.HTML()
        return [
            flow(form, one["yaml"]), data, flow(self.task, self.runner), self.errors, self.words, self.stored,
            self.tiles, self.plot, self.said, self.band, self.trades, self.heat, self.sets,
        ]  # fmt: skip

    @staticmethod
    def compute(asked: BacktestAsked, task: str, on_progress: OnProgress, should_stop: ShouldStop) -> Outcome:
        """Do what Run does, without a page.

        Parameters
        ----------
        asked : BacktestAsked
            What stands in the panel.
        task : str
            A key of `kit.widgets.panels.backtest.tasks.TASKS`.
        on_progress, should_stop
            As of `kit.widgets.frame.job.Job`.
        """
        return TASKS[task](asked, on_progress, should_stop)

    def refresh(self, change: Any = None) -> None:
        """Bring the text up to the form, or the form up to the text; what is wrong is told by its label."""
        if self.quiet:
            return
        if change is None:
            self._show_plan()
            self._draw_stored()
            return
        name = next(name for name, control in self.inputs.items() if control is change.owner)
        try:
            self._take(name, change.new)
        except KitError as error:
            self.inputs[name].add_class("kit-wrong")
            self._wrong[name] = f"{self.inputs[name].description}: {self._explained(name, change.new, error)}"
        else:
            self.inputs[name].remove_class("kit-wrong")
            self._wrong.pop(name, None)
        self._tell_wrong()

    def _explained(self, name: str, text: str, error: KitError) -> str:
        """Say what a box of the form takes, where the plan's own error names its classes."""
        of_a_class = name in _PATHS and "does not accept" in str(error)
        return f"{text!r} does not fit. {_PATHS[name]}." if of_a_class else str(error)

    def _take(self, name: str, text: str) -> None:
        if name == "yaml":
            self.plan = Plan.from_yaml(text)
            for path in ("yaml", *_PATHS):
                self._wrong.pop(path, None)
            self._show_plan()
        elif name in _PATHS:
            if text != DIFFERS:
                self.plan = changed(self.plan, name, text)
                self._show_plan(but=name)
        elif name in ("first", "last"):
            day_of(text)
        elif name == "score":
            checked_score(text)
        elif name == "grid" and text.strip():
            grid_of(text)

    def _tell_wrong(self) -> None:
        running = self.runner.job is not None and self.runner.job.state == "running"
        self.runner.run.disabled = bool(self._wrong) or running
        if self._wrong:
            self.errors.show(" ".join(self._wrong.values()))
        else:
            self.errors.clear()

    def _show_plan(self, but: str = "") -> None:
        """Write the plan into every box and into the text."""
        with quietly(self):
            for box in BOXES:
                if box.path != but:
                    value = written(self.plan, box.path)
                    self.inputs[box.path].value = value or (DIFFERS if box.choices else "")
                    self.inputs[box.path].remove_class("kit-wrong")
            self.inputs["yaml"].value = self.plan.to_yaml()
            self.inputs["yaml"].remove_class("kit-wrong")
            self._wrong.pop("yaml", None)
            same = ready_plans().get(self.plan.name) == self.plan
            self.ready.value = self.plan.name if same else "own plan"

    @shown
    def _chosen(self, change: Any) -> None:
        if not self.quiet and change.new != "own plan":
            self.plan = ready_plan(change.new)
            self._wrong.clear()
            self._show_plan()
            self._tell_wrong()

    def _prepare(self) -> Work:
        if self._wrong:
            raise SettingsError("Not a run yet", " ".join(self._wrong.values()), "Correct it to run.")
        self.errors.clear()
        text = {name: self.inputs[name].value for name in ("first", "last", "score", "grid", "files")}
        asked = BacktestAsked(
            self.plan, self.store, self.settings, day_of(text["first"]), day_of(text["last"]),
            checked_score(text["score"]), text["grid"], text["files"],
        )  # fmt: skip
        task = self.task.value
        return lambda on_progress, should_stop: self.compute(asked, task, on_progress, should_stop)

    @shown
    def _ended(self, job: Job) -> None:
        self.draw(job.outcome())

    def draw(self, result: Outcome) -> None:
        """Show what a run found."""
        if isinstance(result, BacktestResult):
            self.result = result
            self._draw_result(result)
        elif isinstance(result, SweepResult):
            self.sweep = result
            self.heat.paint(partial(pictures.heat, found=result))
            best = result.table.head(200)
            self.sets.show(*table_of(best.set_axis(pd.RangeIndex(1, len(best) + 1, name="rank"), axis=0)))
            self.words.value = summary(sweep_words(result))
        else:
            self.words.value = summary(result or "Cancelled; what was shown before still stands.")
            self._draw_stored()

    def _draw_result(self, result: BacktestResult) -> None:
        title = f"Net profit after charges: {', '.join(plan.name for plan in result.plans)}"
        above = partial(draw_equity, result=result, title=title)
        self.plot.paint(above, partial(draw_drawdown, result=result, title="Drawdown"), most=1)
        self.tiles.value = facts(tiles(result))
        self.trades.show(TRADES, trade_rows(result.trades))
        said = [*result.notes, *skipped_words(result.skipped)]
        if result.band is not None:
            self.band.show(*table_of(result.band))
            said.insert(0, band_sentence(result.band))
        self.said.value = summary(" ".join(said))
        self.words.value = summary(labelled(result))

    def whose(self) -> str:
        """Return whose minutes the store has, the simulated exchange's or those of files and a broker."""
        if not self.store.scores():
            return ""
        sources = ", ".join(dict.fromkeys(self.store.manifest()["sources"]))
        told = f"{self.store.underlying}, {sources}"
        return venue_line("simulated" if "simulated" in sources else "file", told)

    def _draw_stored(self) -> None:
        scores, self.badge.value = self.store.scores(), self.whose()
        if scores:
            self.stored.paint(partial(pictures.calendar, scores=scores))
        if self.result is None and not scores:
            self.words.value = summary(
                f"No minutes in {self.store.folder}: choose Collect minutes, or Import files."
            )
        elif self.result is None and not self.words.value:
            held = counted(len(scores), "session")
            self.words.value = summary(f"{held} in {self.store.folder}. Press Run.")

    def actions(self) -> dict[str, Action]:
        """Return the buttons of every panel; the page is the report of the run."""
        report = Action("HTML", "Figures, plots and trades as a page of its own", self._page)
        return super().actions() | {"html": report}

    def data(self) -> pd.DataFrame:
        """Return the trade log."""
        return self._found().trades.set_index("day")

    def _page(self) -> SavedFile:
        return SavedFile(f"{self.plan.name}.html", "text/html", page(self._found()).encode())

    def _found(self) -> BacktestResult:
        if self.result is None:
            raise DataError("Nothing has been traded yet", None, "Press Run.")
        return self.result

    def code(self) -> str:
        """Return Python that trades the plan shown."""
        return (
            "from kit.backtest import Plan, backtest\n"
            "from kit.bars.minute_store import MinuteStore\n\n"
            f'plan = Plan.from_yaml("""\n{self.plan.to_yaml()}""")\n'
            f'store = MinuteStore({str(self.store.folder.parent)!r}, "{self.store.underlying}")\n'
            "backtest(plan, store, band=True)\n"
        )
