"""Calls of what computes, with what no caller means: refused in words, never a number out of nonsense."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import pandas as pd
import pytest

from kit import clock
from kit.backtest.plan.ready import ready_plan
from kit.bars import candles
from kit.bars.combined import combined_premium, oi_change_from_close
from kit.bars.importing import import_files
from kit.bars.minute_store import MinuteStore
from kit.bars.resample import resample
from kit.chains.readers import living
from kit.errors import DataError, KitError, SettingsError
from kit.evaluation.attribution import attribute, attribute_scenario
from kit.evaluation.costs import charge_rates, contract_note, order_charges, round_trip_inr
from kit.evaluation.margin import margin
from kit.evaluation.margin_rules import risk_parameters
from kit.evaluation.metrics import score
from kit.evaluation.outlook import outlook, standing
from kit.evaluation.scan import scan
from kit.evaluation.through_time import breakevens_before_expiry, profit_before_expiry, profit_grid
from kit.evaluation.touch import expected_move_by, probability_of_profit_by, probability_of_touch
from kit.evaluation.views import empirical, lognormal
from kit.facts import fact
from kit.model import ChainSnapshot, Leg
from kit.monitor import LatencyRequirement, prometheus_text, requirements_from
from kit.parallel import ConcurrentProcessor
from kit.pricing.analytics import snapshot_analytics
from kit.pricing.black76 import price
from kit.pricing.forward import implied_forward
from kit.pricing.measures import butterfly, delta_strike, risk_reversal
from kit.pricing.realised import realised_volatility
from kit.pricing.standing import iv_standing
from kit.pricing.term_structure import term_structure
from kit.strategies.strikes import Delta, Premium
from kit.transport.policy import Policy
from tests.faults.test_wrong_calls import WRONG

DAY = date(2026, 11, 19)
K = [1.0, 2.0, 3.0]
Door = Callable[[ChainSnapshot, list[Leg], Any], Any]
CLOCK: dict[str, Callable[[Any], Any]] = {
    **{ask.__name__: ask for ask in (clock.session, clock.is_session, clock.next_session, clock.square_off)},
    **{ask.__name__: ask for ask in (clock.previous_session, clock.is_business_day, clock.is_provisional)},
    **{ask.__name__: ask for ask in (clock.risk_free_rate, clock.tick_inr, clock.settlement_rule)},
    **{ask.__name__: ask for ask in (clock.is_open, clock.next_open, clock.last_session, clock.expiries)},
    "segment": lambda x: clock.session(DAY, x),
    "segment of a tick": lambda x: clock.tick_inr(DAY, x),
    "year": lambda x: clock.monthly_expiry(x, 1),
    "month": lambda x: clock.monthly_expiry(2026, x),
    "convention": lambda x: clock.years_to_expiry(datetime.combine(DAY, time(10)), DAY, x),
    "lot": lambda x: clock.lot_size("BANKNIFTY", DAY, x),
    "fact": lambda x: fact("rates", x),
}
DOORS: dict[str, Door] = {
    "score": lambda chain, _, x: score(x, chain),
    "score chain": lambda _, legs, x: score(legs, x),
    "score view": lambda chain, legs, x: score(legs, chain, view=x),
    "margin": lambda chain, _, x: margin(x, chain),
    "margin chain": lambda _, legs, x: margin(legs, x),
    "scan": lambda *them: scan(them[2]),
    "scan widths": lambda chain, _, x: scan(chain, "iron_condor", widths=x, top=3),
    "standing": lambda chain, _, x: standing(x, chain),
    "outlook": lambda *them: outlook(them[2]),
    "move": lambda *them: expected_move_by(them[2]),
    "move days": lambda chain, _, x: expected_move_by(chain, x),
    "touch": lambda chain, _, x: probability_of_touch(chain, x),
    "profit by": lambda chain, legs, x: probability_of_profit_by(legs, chain, x),
    "profit before": lambda chain, legs, x: profit_before_expiry(legs, chain, x),
    "breakevens days": lambda chain, legs, x: breakevens_before_expiry(legs, chain, x),
    "attribute": lambda chain, legs, x: attribute(legs, chain, x),
    "charges": lambda *them: order_charges(them[2], "buy", DAY),
    "charges on": lambda *them: order_charges(1.0, "buy", them[2]),
    "rates plan": lambda *them: charge_rates(DAY, them[2]),
    "note": lambda *them: contract_note(them[2]),
    "round trip": lambda *them: round_trip_inr(them[2], 30, DAY),
    "round trip on": lambda _, legs, x: round_trip_inr(legs, 30, x),
    "analytics": lambda *them: snapshot_analytics(them[2]),
    "butterfly": lambda *them: butterfly(them[2]),
    "reversal": lambda *them: risk_reversal(them[2]),
    "delta's strike": lambda *them: delta_strike(them[2], 0.25),
    "term": lambda *them: term_structure(them[2]),
    "rank": lambda *them: iv_standing(them[2]),
    "realised": lambda *them: realised_volatility(them[2]),
    "resample": lambda *them: resample(them[2], 5),
    "combined": lambda *them: combined_premium(them[2]),
    "oi change": lambda *them: oi_change_from_close(them[2]),
    "plan": lambda *them: ready_plan(them[2]),
    "store": lambda *them: MinuteStore(them[2]),
    "import": lambda *them: import_files(them[2], MinuteStore("store")),
    "living": lambda *them: living(them[2]),
    "requirements": lambda *them: requirements_from(them[2]),
    "prometheus": lambda *them: prometheus_text(them[2]),
    "leg's right": lambda chain, _, x: chain.leg(x, chain.atmf_strike, 1),
    "leg's strike": lambda chain, _, x: chain.leg("CE", x, 1),
    "delta": lambda *them: Delta(them[2]),
    "premium": lambda *them: Premium(them[2]),
    "sigma": lambda *them: lognormal(them[2]),
    "drift": lambda *them: lognormal(0.2, them[2]),
    "closes": lambda *them: empirical(them[2]),
    "move sigma": lambda chain, _, x: expected_move_by(chain, 5, sigma=x),
    "scenario": lambda chain, legs, x: attribute_scenario(legs, chain, x),
    "scenario shift": lambda chain, legs, x: attribute_scenario(legs, chain, 55_000.0, iv_shift=x),
    "grid": lambda chain, legs, x: profit_grid(legs, chain, x, 0.0, 1.0),
    "grid days": lambda chain, legs, x: profit_grid(legs, chain, [55_000.0], [0.0], x),
    "rules": lambda *them: risk_parameters(them[2], DAY, close=55_000.0),
    "rules close": lambda *them: risk_parameters("BANKNIFTY", DAY, close=them[2]),
    "rules closes": lambda *them: risk_parameters("BANKNIFTY", DAY, closes=them[2]),
    "forward bids": lambda *them: implied_forward(K, them[2], K, K, K, 0.1, spot=2.0, rate=0.05),
    "forward strikes": lambda *them: implied_forward(them[2], K, K, K, K, 0.1, spot=2.0, rate=0.05),
    "forward years": lambda *them: implied_forward(K, K, K, K, K, them[2], spot=2.0, rate=0.05),
    "forward spot": lambda *them: implied_forward(K, K, K, K, K, 0.1, spot=them[2], rate=0.05),
    "price": lambda *them: price(K, them[2], 0.1, 0.2, 1.0, "CE"),
    "families": lambda chain, _, x: scan(chain, [x], top=3),
    "bound": lambda *them: Premium(50, bound=them[2]),
    "alert": lambda *them: LatencyRequirement("a", them[2]),
    "critical": lambda *them: LatencyRequirement("a", 5.0, critical_ms=them[2]),
    "results": lambda *them: ConcurrentProcessor(backend="serial", result_ttl_s=them[2]).shutdown(),
    "time-out": lambda *them: ConcurrentProcessor(backend="serial", task_timeout_s=them[2]).shutdown(),
    "account": lambda *them: Policy(account=them[2]),
    "routes": lambda *them: Policy(them[2]),
}  # fmt: skip


@pytest.mark.parametrize("door", CLOCK)
def test_a_wrong_day_or_word(door: str) -> None:
    """Whatever a question to the calendar is asked with, it answers or refuses it in words."""
    _only_words(CLOCK[door])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_figure(door: str, make_chain: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Whatever a computation is asked with, it answers or refuses it in words."""
    monkeypatch.chdir(tmp_path)
    chain = make_chain()
    legs = [chain.leg("CE", chain.atmf_strike, -1)]
    _only_words(lambda value: DOORS[door](chain, legs, value))


def _only_words(ask: Callable[[Any], Any]) -> None:
    refused = []
    for value in WRONG:
        try:
            ask(value)
        except KitError as error:
            refused.append(str(error))
    assert all(10 < len(said) < 6000 for said in refused)


@pytest.mark.parametrize("side", ["SELL", "Buy", "b", "short", None, 1, -1, ["buy"]])
def test_a_side_that_is_none(side: Any) -> None:
    """An order that neither buys nor sells has no charges: it would pay neither tax nor stamp."""
    with pytest.raises(SettingsError, match="buy"):
        order_charges(100.0, side, DAY)


@pytest.mark.parametrize("amount", [-1.0, True, "1", None, 1 + 2j, [1.0, -2.0]])
def test_a_premium_that_is_none(amount: Any) -> None:
    """What is no amount, or below nothing, is not charged less than nothing."""
    with pytest.raises(DataError, match="premium"):
        order_charges(amount, "buy", DAY)


NO_LEG: list[tuple[Any, ...]] = [
    ("call", 100.0, 1, 1.0), ("ce", 100.0, 1, 1.0), (None, 100.0, 1, 1.0), (["CE"], 100.0, 1, 1.0),
    (pd.NA, 100.0, 1, 1.0), ("CE", -100.0, 1, 1.0), ("CE", float("nan"), 1, 1.0), ("CE", True, 1, 1.0),
    ("CE", 10**400, 1, 1.0), ("CE", "100", 1, 1.0), ("CE", 100.0, 1.5, 1.0), ("CE", 100.0, None, 1.0),
    ("CE", 100.0, 10**400, 1.0), ("CE", 100.0, -(10**7), 1.0),
    ("CE", 100.0, 1, -5.0), ("CE", 100.0, 1, None), ("CE", 100.0, 1, float("inf")), ("CE", 100.0, 1, "5"),
    ("CE", 100.0, 1, 1.0, "2026-12-29"), ("CE", 100.0, 1, 1.0, pd.NaT), ("CE", 100.0, 1, True),
]  # fmt: skip


@pytest.mark.parametrize("fields", NO_LEG, ids=range(len(NO_LEG)))
def test_a_leg_that_is_none(fields: tuple[Any, ...]) -> None:
    """A leg of another right would pay what a put pays; one that is no contract is refused."""
    with pytest.raises(DataError, match="No leg"):
        Leg(*fields)


@pytest.mark.parametrize("length", [1.5, True, None, float("nan"), [5], pd.Timedelta("5min"), 10**30, 1441])
def test_a_length_of_bars_that_is_none(length: Any) -> None:
    """A length that is no count of minutes within a day is refused."""
    starts = candles.starts(
        candles.INTERVALS["ONE_MINUTE"], DAY, DAY, datetime.combine(DAY, time(23), clock.IST)
    )
    bars = pd.DataFrame(dict.fromkeys(candles.COLUMNS, 1.0), index=starts)
    with pytest.raises(DataError):
        resample(bars, length)
