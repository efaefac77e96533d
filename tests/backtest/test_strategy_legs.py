"""Strategies of `kit.strategies` as a plan's legs: what they take, their YAML, and what cannot be."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pytest

from kit.backtest import Plan, backtest
from kit.backtest.plan.strategy import legs_of
from kit.backtest.sweep import sweep
from kit.errors import SettingsError
from kit.model import ChainSnapshot, Leg
from kit.strategies import ALL, CALENDARS, CallCalendar, IronCondor, OwnLegs, ShortStraddle, ShortStrangle
from kit.strategies.base import Strategy
from kit.strategies.strikes import Delta, Offset, Pick, Premium, Width

HALF = Width(0.5)
FULL = (date(2022, 12, 30), date(2023, 4, 10))  # sessions with whole chains


@pytest.mark.parametrize("kind", [*ALL, *CALENDARS], ids=lambda kind: kind.__name__)
def test_every_strategy_on_options_is_a_plan_and_its_yaml(kind):
    """A plan of any strategy reads back from its YAML as the same plan, with rules for all its legs."""
    plan = Plan.of(kind(), stop={"percent": 30}, reentry={"times": 2}, square_off="complete")
    text = plan.to_yaml()
    assert Plan.from_yaml(text) == plan
    assert text.count("percent") == 1
    assert all(leg.stop.percent == 30 for leg in plan.legs)


@pytest.mark.parametrize(
    ("pick", "rule"),
    [
        (Offset(2), {"steps": 2}),
        (Offset(1), {"steps": 1}),
        (Delta(0.3), {"delta": 0.3}),
        (Premium(80), {"premium": 80}),
        (Premium(80, "at_most"), {"premium_at_most": 80}),
    ],
    ids=str,
)
def test_a_strategy_takes_the_strikes_of_the_same_rule(real_days, pick: Pick, rule):
    """A strangle by a way to choose trades the very contracts of a plan with that rule for each leg."""
    days = {day: real_days[day] for day in FULL}
    legs = [{"side": "sell", "right": right, "lots": 2, "strike": rule} for right in ("PE", "CE")]
    ruled = Plan(
        name="short_strangle", entry={"at": "09:20"}, exit={"at": "15:15"}, legs=legs, money="synthetic"
    )
    of_strategy = Plan.of(ShortStrangle(pick, lots=2))
    expected, found = backtest(ruled, days).trades, backtest(of_strategy, days).trades
    assert (found["reason"] == "time").all()
    pd.testing.assert_frame_equal(found, expected)
    again = backtest(Plan.from_yaml(of_strategy.to_yaml()), days, engine="compiled").trades
    pd.testing.assert_frame_equal(again, expected)


def test_a_calendar_trades_two_expiries(real_days):
    """A calendar sells the nearest expiry and buys the next at one strike."""
    trades = backtest(Plan.of(CallCalendar()), {FULL[1]: real_days[FULL[1]]}).trades
    assert trades["side"].tolist() == ["sell", "buy"]
    assert trades["expiry"].tolist() == [date(2023, 4, 13), date(2023, 4, 20)]
    assert trades["strike"].nunique() == 1


@dataclass(frozen=True)
class Lopsided(Strategy):
    """A strategy of one's own: a call at the money against two puts half the straddle away."""

    far: Pick = HALF

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the legs."""
        put = self.far(snapshot, "PE")
        return (snapshot.leg("CE", snapshot.atmf_strike, -self.lots), snapshot.leg("PE", put, -2 * self.lots))


def test_a_strategy_of_ones_own_trades_and_has_no_yaml(real_days):
    """Any Strategy object can be the legs; what YAML cannot name is refused when it is written."""
    plan = Plan.of(Lopsided(), name="lopsided")
    trades = backtest(plan, {FULL[0]: real_days[FULL[0]]}).trades
    assert trades["lots"].tolist() == [1, 2]
    assert trades["strike"].iloc[1] < trades["strike"].iloc[0]
    for unnamed in (plan, Plan.of(ShortStrangle(lambda chain, right: chain.atmf_strike))):  # noqa: ARG005
        with pytest.raises(SettingsError, match="cannot be written as YAML"):
            unnamed.to_yaml()


def test_a_strategy_that_takes_other_legs_at_times_is_refused_by_the_row(real_days):
    """Where a strategy's legs are not those it has on any chain, nothing is chosen and the log says whose."""

    @dataclass(frozen=True)
    class Fickle(Strategy):
        def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
            lots = 1 if snapshot.forward == 50_000 else 2
            return (snapshot.leg("CE", snapshot.atmf_strike, lots),)

    row = backtest(Plan.of(Fickle()), {FULL[0]: real_days[FULL[0]]}).trades.iloc[0]
    assert row["reason"] == "refused"
    assert "leg 1 of fickle" in row["why"]


def test_a_sweep_reaches_into_a_strategy(real_days):
    """A parameter of the strategy is a path like any other."""
    days = {FULL[0]: real_days[FULL[0]]}
    found = sweep(Plan.of(ShortStrangle()), days, {"legs.*.strike.leg_of.strategy.short.delta": [0.1, 0.3]})
    alone = [backtest(Plan.of(ShortStrangle(Delta(delta))), days).net_inr for delta in (0.1, 0.3)]
    np.testing.assert_allclose(found.net[0], alone, atol=0.05)


def test_the_legs_can_be_edited_one_by_one():
    """What stands for all legs can be taken apart, and legs with rules of their own stay a list in YAML."""
    one, other = legs_of(ShortStraddle(), {})
    plan = Plan.of(ShortStraddle()).but(legs=[one, {**other, "stop": {"percent": 20}}])
    assert Plan.from_yaml(plan.to_yaml()) == plan
    assert plan.to_yaml().count("leg_of") == 2
    assert (
        Plan.from_yaml("{entry: {at: 9:20}, exit: {at: 15:15}, legs: short_straddle}").legs[0].side == "sell"
    )


@pytest.mark.parametrize(
    ("strategy", "rules", "said"),
    [
        ("iron_cndor", {}, "Did you mean 'iron_condor'"),
        ({"name": "iron_condor", "shorts": {"delta": 0.2}}, {}, "no such parameter"),
        ({"name": "iron_condor", "short": {"delt": 0.2}}, {}, "way to choose a strike"),
        ({"name": "iron_condor", "short": {"delta": 2}}, {}, "between 0 and 1"),
        ({"name": "own_legs"}, {}, "cannot be made"),
        ("covered_call", {}, "options alone"),
        (CallCalendar(later=2), {}, "two expiries"),
        (CallCalendar(), {"expiry": "monthly"}, "nearest expiry"),
        (OwnLegs("-1 54950CE"), {}, "no legs"),
        (IronCondor(), {"stopp": {"percent": 10}}, "No rule for all legs"),
    ],
)
def test_a_strategy_that_cannot_be_legs_says_why(strategy, rules, said):
    """A wrong name, parameter or rule, a future, or a third expiry is one sentence with the remedy."""
    with pytest.raises(SettingsError, match=said):
        Plan.of(strategy, **rules)
