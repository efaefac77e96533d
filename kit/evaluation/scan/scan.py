"""The door: every position of the families on one chain, scored, filtered, ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from threading import Event
from typing import Any

import numpy as np

from kit.arguments import checked
from kit.errors import DataError, SettingsError
from kit.evaluation.margin_rules import RiskParameters
from kit.evaluation.margin_sums import rules_of
from kit.evaluation.scan.chunks import Kept, Scorer, best_of_chunk, chunks, merged
from kit.evaluation.scan.columns import FIGURES
from kit.evaluation.scan.definition import figures_by_definition
from kit.evaluation.scan.families import Positions, check_widths, enumerate_family, named
from kit.evaluation.scan.family_rules import SPANNING
from kit.evaluation.scan.filters import filters, rank
from kit.evaluation.scan.ladder import Ladder, ladder
from kit.evaluation.scan.result import ScanResult
from kit.evaluation.terms import Terms
from kit.evaluation.views import View, market
from kit.model import ChainSnapshot
from kit.parallel import ConcurrentProcessor, ProcessingResult, ProcessingTask
from kit.strategies.base import Strategy
from kit.strategies.calendars import later_chain

OnBest = Callable[[ScanResult], object]
TRADABLE = "tradable == 1"
UNMERGED = 64  # chunks whose best are kept side by side: with workers a merge takes time from them
STEPS = (2, 5, 10)  # default widths, in steps of the strikes near the money


@checked
def scan(
    chain: ChainSnapshot,
    families: str | type[Strategy] | Iterable[str | type[Strategy]] = "all",
    *,
    where: str | Sequence[str] | None = None,
    rank_by: str | Sequence[str] | None = None,
    top: int | None = 20,
    widths: Sequence[float] | None = None,
    view: View | str = market,
    entry: str = "touch",
    basis: str = "held",
    tradable: bool = True,
    parameters: RiskParameters | None = None,
    processor: ConcurrentProcessor | None = None,
    on_best: OnBest | None = None,
    stop: Event | None = None,
) -> ScanResult:
    """Enumerate every position of some families on a chain, score, filter and rank them.

    Parameters
    ----------
    chain : ChainSnapshot
        One expiry; for calendars with a later one beside it.
    families : str, class, or several, default "all"
        By name (``"iron_condor"``) or class (`kit.strategies.IronCondor`). Calendars are not among all of
        them: each is scored by itself, at the first expiry, in a millisecond or two.
    where : str or sequence of str, optional
        What must hold: ``"probability_of_profit > 0.7 and max_loss_inr < 20_000"``. What is not known
        does not pass.
    rank_by : str or sequence of str, optional
        A figure; several are their Pareto front. Default as tables rank: under the market's view by
        ``cost_on_risk``, else by ``return_on_risk``. ``-`` or ``+`` before a name says least or greatest.
    top : int, optional
        How many to keep; None keeps all that pass. Default 20.
    widths : sequence of float, optional
        Distances of wings, rupees; default 2, 5 and 10 steps of the strikes near the money.
    view, entry, basis
        As of `kit.evaluation.metrics.score`.
    tradable : bool, default True
        Leave out what cannot be had at its prices, or whose quotes are bad.
    parameters : RiskParameters, optional
        Of the margin; default the chain's day's.
    processor : ConcurrentProcessor, optional
        Runs the chunks, on workers or Dask; default this thread. Worth it from a million positions on.
    on_best : callable, optional
        Given the best so far after each chunk.
    stop : Event, optional
        Once set, from another thread, the scan returns what it has.

    Returns
    -------
    ScanResult
        The same whichever way it ran.

    Raises
    ------
    SettingsError
        No such family, figure, view, entry or basis; a filter that is none.
    UnknownExpiry
        A calendar is asked for, and no later chain is beside this one.
    DataError
        The expiry is gone, no contract has a price, no two strikes are a width apart, or nothing passes:
        then it says which filter removed how many.
    TaskError
        A chunk failed on the processor.
    """
    terms = Terms.of(view, entry, basis)
    _check(chain, top)
    wanted = (*(filters(TRADABLE) if tradable else ()), *filters(where))
    usual = "cost_on_risk" if terms.view.is_market else "return_on_risk"
    order = rank(usual if rank_by is None else rank_by)
    found, definition, batches = _enumerated(chain, named(families), terms, parameters, widths)

    def result(kept: Kept) -> ScanResult:
        return ScanResult(chain, terms, order, wanted, found, batches, kept)

    best = [Kept(np.empty((0, len(FIGURES))), np.empty(0, np.int64), (0,) * len(wanted), 0, 0)]

    def keep(kept: Kept) -> None:
        best.append(kept)
        if on_best is not None or len(best) > UNMERGED:
            best[:] = [merged(best, order, top)]
        if on_best is not None:
            on_best(result(*best))

    given: dict[str, Any] = {"found": found, "batches": batches, "definition": definition, "wanted": wanted}
    work = partial(best_of_chunk, order=order, top=top, **given)
    _run([*chunks(batches)], work, keep, processor, stop or Event())
    return _not_empty(result(merged(best, order, top)))


def _enumerated(
    chain: ChainSnapshot,
    names: Sequence[str],
    terms: Terms,
    parameters: RiskParameters | None,
    widths: Sequence[float] | None,
) -> tuple[Ladder, Scorer | None, tuple[Positions, ...]]:
    """Return the contracts, what scores positions over several expiries, and every position by number."""
    rules = parameters or rules_of(chain)
    definition: Scorer | None = None
    found = ladder(chain, terms, rules)
    if any(name in SPANNING for name in names):
        later, definition = later_chain(chain, 1), partial(figures_by_definition, chain=chain, terms=terms)
        found = replace(found, later=(later.expiry, ladder(later, terms, rules)))
    drawn = _default_widths(found) if widths is None else widths
    batches = tuple(one for name in names for one in enumerate_family(name, found, drawn))
    if widths is not None:
        check_widths(widths, found.listed)
    return found, definition, batches


def _check(chain: ChainSnapshot, top: int | None) -> None:
    if not chain.t_years > 0:
        raise DataError("This expiry is gone", chain.expiry.isoformat(), "Scan a chain that is still traded.")
    if top is not None and top < 1:
        raise SettingsError("A scan keeps at least one position", top, "Say top=20, or None for all.")


def _not_empty(told: ScanResult) -> ScanResult:
    if not len(told) and told.complete:
        untradable = ", or for what cannot be had: tradable=False" if told.removed.get(TRADABLE) else ""
        why = f"{told.told().rstrip('.')}. Ask for less, or for other families{untradable}."
        raise DataError("No position is left", told.enumerated, why)
    return told


def _run(
    parts: Sequence[tuple[int, int]],
    work: Callable[[int, int], Kept],
    keep: Callable[[Kept], None],
    processor: ConcurrentProcessor | None,
    stop: Event,
) -> None:
    """Keep what each chunk leaves, from this thread or from the processor, until the scan is stopped."""
    if processor is None:
        for part in parts:
            if stop.is_set():
                return
            keep(work(*part))
        return
    names = [f"scan-{next(_RUNS)}-{number}" for number in range(len(parts))]

    def note(ended: ProcessingResult) -> None:
        if ended.status != "cancelled":
            keep(ended.value)  # the error of a chunk that failed is raised here, and ends the run
        if stop.is_set():
            for name in names:
                processor.cancel_task(name)

    tasks = zip(names, parts, strict=True)
    processor.run([ProcessingTask(name, work, part, name="scan") for name, part in tasks], on_result=note)


_RUNS = count()


def _default_widths(found: Ladder) -> tuple[float, ...]:
    strikes = found.listed
    near = np.diff(strikes[np.argsort(np.abs(strikes - found.likely.mean), kind="stable")[:21]])
    step = float(np.min(np.abs(near))) if near.size and np.isfinite(near).all() else 100.0
    return tuple(step * number for number in STEPS)
