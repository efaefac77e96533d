"""Python rules that raise: the error says which rule, on which day, at which minute; other days are kept."""

from dataclasses import dataclass
from datetime import date

import pytest

from kit.backtest import Plan, backtest
from kit.backtest.plan.ready import ready_plan
from kit.backtest.sweep import sweep
from kit.errors import RuleFailed
from kit.strategies import ShortStraddle

DAYS = [date(2022, 12, 30), date(2023, 4, 10)]
BASE = ready_plan("short_straddle_combined_stop").but(overall={})
LEG = {"side": "sell", "right": "CE", "strike": {"steps": 0}}


def on(bad: set[date], answer: object):
    """Return a rule that raises from 10:00 of some days on."""

    def fussy(moment):
        if moment.day.day in bad and moment.at.hour >= 10:
            raise KeyError("vix")
        return answer

    return fussy


@dataclass(frozen=True)
class Fussy(ShortStraddle):
    """A strategy that raises on chains of some days."""

    bad: tuple[date, ...] = ()

    def legs(self, chain):
        """Sell the straddle, or fail."""
        if chain.taken_at.date() in self.bad:
            raise ZeroDivisionError("no width")
        return super().legs(chain)


RULES = {
    "exit rule fussy": lambda bad: BASE.but(exit={"at": "15:15", "when": on(bad, False)}),
    "leg 1 stop rule fussy": lambda bad: BASE.but(legs=[{**LEG, "stop": on(bad, False)}]),
    "leg 2 target rule fussy": lambda bad: BASE.but(legs=[LEG, {**LEG, "target": on(bad, False)}]),
    "leg 1 strike rule fussy": lambda bad: BASE.but(
        entry={"at": "10:20"}, legs=[{**LEG, "strike": on(bad, 42_000)}]
    ),
    "entry rule fussy": lambda bad: BASE.but(entry={"at": "10:20", "signal": on(bad, True)}),
    "leg 1 strike rule Fussy": lambda bad: Plan.of(Fussy(bad=tuple(bad)), entry={"at": "10:20"}),
}


@pytest.fixture(scope="module")
def days(real_days):
    """Return two sessions with whole chains."""
    return {day: real_days[day] for day in DAYS}


@pytest.mark.parametrize("told", RULES)
def test_a_failing_rule_costs_its_day_alone(days, told):
    """The day is skipped with rule, day, minute and the rule's own error; the others are whole."""
    result = backtest(RULES[told]({DAYS[0]}), days, band=True)
    whole = backtest(RULES[told](set()), {DAYS[1]: days[DAYS[1]]}, band=True)
    assert result.net_inr == whole.net_inr
    assert result.band.equals(whole.band)
    (missed,) = result.skipped
    assert missed.day == DAYS[0]
    assert missed.why.startswith(f"The {told} failed on 2022-12-30 at 10:")
    assert isinstance(missed.error.__cause__, KeyError | ZeroDivisionError)
    refused = result.trades[result.trades["reason"] == "refused"]
    assert missed.why in set(refused["why"])


@pytest.mark.parametrize("told", RULES)
def test_a_rule_that_fails_on_every_day_is_an_error(days, told):
    """Where no session comes through there is nothing to keep: the rule's error ends the backtest."""
    with pytest.raises(RuleFailed, match=f"{told} failed on 2022-12-30 at 10:"):
        backtest(RULES[told](set(DAYS)), days)


@pytest.mark.parametrize("told", ["leg 1 strike rule fussy", "entry rule fussy", "leg 1 strike rule Fussy"])
def test_a_sweep_keeps_the_other_days(days, told, tmp_path):
    """A sweep names the day that a rule has cost, keeps the rest, and trades the day when it is mended."""
    grid = {"legs.0.lots": [1, 2]}
    found = sweep(RULES[told]({DAYS[0]}), days, grid, folder=tmp_path)
    assert [one.day for one in found.skipped] == [DAYS[0]]
    assert f"The {told} failed on 2022-12-30" in found.skipped[0].why
    assert list(found.days) == [DAYS[1]]
    assert len(sweep(RULES[told](set()), days, grid, folder=tmp_path).days) == 2
    with pytest.raises(RuleFailed, match=told):
        sweep(RULES[told](set(DAYS)), days, grid)


@pytest.mark.parametrize("answer", [object(), "55,000"])
def test_an_answer_of_another_form_is_a_failure_too(days, answer):
    """A strike that is no number is named like an error of the function."""
    with pytest.raises(RuleFailed, match="leg 1 strike rule fussy"):
        backtest(BASE.but(legs=[{**LEG, "strike": on(set(), answer)}]), days)
