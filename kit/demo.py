"""The main job without a screen: chain, ranked strategies, latency against budget, cache at work.

`run_on_exchange` asks the desk's exchange three times: cold (network), warm (SQLite, as after a kernel
restart) and hot (in process). `run_on_file` does the same job on a chain saved from the exchange's
web site, where no network and no cache take part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import nan
from pathlib import Path
from statistics import median
from string import Template
from time import perf_counter
from typing import Any

import pandas as pd

from kit import plots
from kit.chains.readers import living, read_chain
from kit.desk import Desk, monitor_of, open_desk
from kit.errors import DataError
from kit.evaluation.manager import StrategyEvaluationManager
from kit.evaluation.results import Results
from kit.files import write_text
from kit.model import ChainSnapshot, origin
from kit.model.chain_table import chain_table
from kit.model.derived import mark, told
from kit.monitor import PerformanceMonitor
from kit.parallel import ConcurrentProcessor
from kit.settings import Settings
from kit.shown import card, printed, rows_of, table
from kit.strategies import ALL

UNDERLYING = "BANKNIFTY"
ROUNDS = {"network": 1, "sqlite": 3, "hot": 20}
Tiers = dict[str, dict[str, float]]
MILLISECONDS = dict.fromkeys(("median", "P95", "P99"), "{:,.3f}".format) | {"budget": "{:,.0f}".format}


def candidates() -> dict[str, Any]:
    """Return every built-in strategy with its default parameters, and one that fails on purpose.

    The broken one shows that a strategy that raises costs its own row and nothing else.
    """

    def broken_idea(snapshot: ChainSnapshot) -> float:
        return snapshot.spot / 0

    return {strategy().name: strategy() for strategy in ALL} | {"broken_idea": broken_idea}


@dataclass(frozen=True)
class DemoOutcome:
    """What the main job found; text and page are two views of it.

    Parameters
    ----------
    snapshot : ChainSnapshot
        The chain.
    results : Results
        The evaluated strategies.
    latency : DataFrame
        Operations against their budgets.
    tiers : dict
        Tier to operation to median milliseconds; empty without an exchange.
    cache : DataFrame
        Cache statistics after the cold and the warm pass; empty without an exchange.
    """

    snapshot: ChainSnapshot
    results: Results
    latency: pd.DataFrame
    tiers: Tiers
    cache: pd.DataFrame


def run_on_exchange(settings: Settings, html: Path | None = None) -> DemoOutcome:
    """Run the main job on the exchange the settings name, print it, and write the page if asked."""
    with open_desk(settings) as desk:
        tiers, statistics = _passes(desk)
        snapshot = desk.data.option_chain(UNDERLYING)
        results = desk.evaluation.evaluate_strategies_concurrent(candidates(), snapshot)
        outcome = DemoOutcome(snapshot, results, _latency(desk.monitor, settings), tiers, statistics)
    return _shown(outcome, html)


def run_on_file(
    path: Path,
    settings: Settings,
    html: Path | None = None,
    *,
    taken_at: datetime | None = None,
    spot: float | None = None,
) -> DemoOutcome:
    """Run the main job on the nearest living expiry of a saved chain; time and spot where files do not tell.

    Raises
    ------
    UnreadableFile
        The file is not an NSE option chain.
    DataError
        `taken_at` or `spot` cannot be true of it, or all its series have ended.
    """
    monitor = monitor_of(settings)
    with monitor.measure("options_chain_processing"):
        snapshot = living(read_chain(path, taken_at=taken_at, spot=spot))
    with ConcurrentProcessor.from_settings(settings.workers, monitor) as pool:
        results = StrategyEvaluationManager(pool).evaluate_strategies_concurrent(candidates(), snapshot)
    return _shown(DemoOutcome(snapshot, results, _latency(monitor, settings), {}, pd.DataFrame()), html)


def operations(desk: Desk) -> dict[str, Callable[[], object]]:
    """Return what an analyst asks again and again, by name."""
    day = desk.clock.now().date() - timedelta(1)
    return {
        "chain": lambda: desk.data.option_chain(UNDERLYING),
        "candles": lambda: desk.data.candles(UNDERLYING, "FIVE_MINUTE", day - timedelta(7), day),
        "spot": lambda: desk.data.spot(UNDERLYING),
        "ATM": lambda: desk.data.atm_strike(UNDERLYING),
    }


def _passes(desk: Desk) -> tuple[Tiers, pd.DataFrame]:
    """Ask cold, then warm with an empty in-process tier, then hot; collect times and statistics."""
    tiers: Tiers = {}
    rows: dict[str, Mapping[str, Any]] = {}
    for tier, rounds in ROUNDS.items():
        before = desk.client.get_performance_stats()
        tiers[tier] = {
            name: median(_milliseconds(desk, tier, ask) for _ in range(rounds))
            for name, ask in operations(desk).items()
        }
        rows[tier] = _difference(before, desk.client.get_performance_stats(), desk.cache.get_stats())
    return tiers, pd.DataFrame(rows).T


def _milliseconds(desk: Desk, tier: str, ask: Callable[[], object]) -> float:
    """Time one answer; NaN where a cold pass asked nothing of the network, as for a level of a known spot."""
    if tier != "hot":
        desk.cache.clear()
    before = desk.client.get_performance_stats()["network_calls"]
    start = perf_counter()
    ask()
    taken_ms = (perf_counter() - start) * 1e3
    asked = desk.client.get_performance_stats()["network_calls"] > before
    return taken_ms if asked or tier != "network" else nan


def _difference(
    before: Mapping[str, Any], after: Mapping[str, Any], hot: Mapping[str, Any]
) -> Mapping[str, Any]:
    return {
        "network calls": after["network_calls"] - before["network_calls"],
        "SQLite hits": after["sqlite_hits"] - before["sqlite_hits"],
        "hot hits": hot["hits"],
        "hot hit rate %": hot["hit_rate_percent"],
        "hot entries": hot["entries"],
        "hot KiB": hot["size_bytes"] / 1024,
    }


def latency_table(monitor: PerformanceMonitor, budgets_ms: Mapping[str, float]) -> pd.DataFrame:
    """Return calls, median, P95, P99, budget and verdict of every operation that has a budget.

    Times are milliseconds; the verdict compares the P95 with the budget.
    """
    rows = {}
    for name, budget in budgets_ms.items():
        found = monitor.get_metrics(name)
        times = {"median": found.median * 1e3, "P95": found.p95 * 1e3, "P99": found.p99 * 1e3}
        verdict = "not run" if not found.calls else "within" if times["P95"] <= budget else "EXCEEDED"
        rows[name] = {"calls": found.calls} | times | {"budget": budget, "verdict": verdict}
    return pd.DataFrame.from_dict(rows, orient="index")


def _latency(monitor: PerformanceMonitor, settings: Settings) -> pd.DataFrame:
    return latency_table(monitor, settings.latency_requirements.model_dump())


def _shown(outcome: DemoOutcome, html: Path | None) -> DemoOutcome:
    print(as_text(outcome))
    if html:
        write_text(html, as_page(outcome))
        print(f"\nThe same with plots: {html}")
    return outcome


def headline(snapshot: ChainSnapshot) -> str:
    """Return one line that says what chain this is, how old, and from where; guessed facts are marked."""
    marks = {name: mark(snapshot.derived, name) for name in ("spot", "taken_at")}
    return (
        f"{snapshot.underlying} {snapshot.expiry:%d %b %Y}   spot {snapshot.spot:,.2f}{marks['spot']}   "
        f"forward {snapshot.forward:,.2f} ({snapshot.forward_from})   lot {snapshot.lot_size}   "
        f"{snapshot.taken_at:%d %b %Y %H:%M:%S} IST{marks['taken_at']}   from {origin(snapshot.source)}"
    )


def guesses(snapshot: ChainSnapshot) -> str:
    """Return one line on each fact that the source does not state; empty where it states all."""
    return "\n".join(told(snapshot.derived))


def as_text(outcome: DemoOutcome) -> str:
    """Return the whole outcome as plain text."""
    head = (headline(outcome.snapshot), guesses(outcome.snapshot))
    parts = ["\n".join(filter(None, head)), "Around the money; quotes in rupees"]
    parts += [printed(chain_table(outcome.snapshot))]
    parts += ["Strategies, ranked; amounts in rupees", outcome.results.to_text()]
    parts += [
        "Latency, milliseconds: the P95 is held against the budget",
        printed(outcome.latency, formatters=MILLISECONDS, na_rep="–"),
    ]
    if outcome.tiers:
        tiers = printed(pd.DataFrame(outcome.tiers), float_format="{:.3f}".format, na_rep="–")
        parts += [f"Median latency by tier, milliseconds{_nearness(outcome)}", tiers]
        parts += ["Cache: cold, warm and hot pass", printed(outcome.cache, float_format="{:,.0f}".format)]
    return "\n\n".join(parts)


def _nearness(outcome: DemoOutcome) -> str:
    """Say why cold figures here are below those of tuning and benchmark, which keep a distance."""
    return "; the exchange is on this machine" if outcome.snapshot.venue == "simulated" else ""


_PAGE = Template("""<!doctype html><html lang="en"><meta charset="utf-8"><title>Bank Nifty Kit: demo</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<style>
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:1760px;margin:1.5rem auto;padding:0 1rem;
color:light-dark(#1d2327,#e4e8eb);background:light-dark(#fff,#14181b)}
h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
p.head{color:light-dark(#55606a,#aab4bc);margin-top:.2rem;overflow-wrap:anywhere}
body .kit-card{max-width:none}body .kit-card .kit-wide{max-height:none}img{width:100%;height:auto}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));gap:1rem;max-width:1400px}
@media (prefers-color-scheme:dark){img{filter:invert(.92) hue-rotate(180deg)}}
</style><h1>Bank Nifty Kit</h1><p class="head">$head</p>$body
<p class="head">Simulated or saved data; research, not advice.</p></html>
""")


def as_page(outcome: DemoOutcome) -> str:
    """Return the whole outcome as a self-contained page with plots, light or dark as the reader's system."""
    latency, results = rows_of(outcome.latency.round(3)), outcome.results
    sections = [
        ("Chain around the money", card("", {}, table(rows_of(chain_table(outcome.snapshot))))),
        (
            "Smile, open interest, and the strategy that ranks first",
            f'<div class="plots">{_smile(outcome)}{_open_interest(outcome)}{_payoff(outcome)}</div>',
        ),
        ("Strategies, ranked", results._repr_html_()),
        ("Latency, milliseconds: the P95 is held against the budget", card("", {}, table(latency))),
    ]
    if outcome.tiers:
        sections.append(
            (f"Latency by tier{_nearness(outcome)}", f'<div class="plots">{_tiers(outcome)}</div>')
        )
        sections.append(
            ("Cache: cold, warm and hot pass", card("", {}, table(rows_of(outcome.cache.round(1)))))
        )
    body = "".join(f"<h2>{title}</h2>{content}" for title, content in sections)
    told = f"{outcome.snapshot.venue.upper()} prices   {headline(outcome.snapshot)}".replace("   ", " · ")
    head = "<br>".join([told, *guesses(outcome.snapshot).splitlines()])
    return _PAGE.substitute(head=head, body=body)


def _open_interest(outcome: DemoOutcome) -> str:
    page, axes = plots.figure()
    plots.open_interest(axes, outcome.snapshot)
    return plots.as_html(page, "Open interest by strike, calls and puts")


def _smile(outcome: DemoOutcome) -> str:
    page, axes = plots.figure()
    plots.smile(axes, outcome.snapshot)
    return plots.as_html(page, "Implied volatility against strike")


def _payoff(outcome: DemoOutcome) -> str:
    try:
        best = outcome.results.best()
    except DataError:  # none was scored; the table below says why
        return ""
    page, axes = plots.figure()
    levels, profit = best.payoff(outcome.snapshot)
    plots.payoff(
        axes, levels, profit, breakevens=best.breakevens, spot=outcome.snapshot.spot,
        title=f"{best.name.replace('_', ' ').capitalize()}, first under the {best.view} view",
    )  # fmt: skip
    return plots.as_html(page, f"Profit at expiry of {best.name}")


def _tiers(outcome: DemoOutcome) -> str:
    page, axes = plots.figure(7.5, 3.6)
    plots.latencies(axes, outcome.tiers)
    return plots.as_html(page, "Median latency of each operation by cache tier")
