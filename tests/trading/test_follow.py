"""A plan on a paper account: the fills of its backtest, whatever the rules, or the difference by name."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from kit.backtest.plan import FillRules, Plan
from kit.bars.importing import import_files
from kit.bars.minute_store import MinuteStore
from kit.errors import DataError, RuleFailed, SettingsError
from kit.trading.following import replayed
from kit.trading.moves import hidden

DAY = date(2024, 1, 10)
STRADDLE = Plan.from_yaml("""
name: straddle
entry: {at: "09:20"}
exit: {at: "15:15"}
legs:
  - {side: sell, right: CE, strike: {steps: 0}, stop: {percent: 25}, reentry: {after: stop, times: 2}}
  - {side: sell, right: PE, strike: {steps: 0}, stop: {percent: 25}}
""")


@pytest.fixture(scope="session")
def store(shared_data, tmp_path_factory) -> MinuteStore:
    """Hold the real minutes of one expiry."""
    store = MinuteStore(tmp_path_factory.mktemp("minutes"))
    import_files([shared_data / "intraday" / "bnf_exp_20240110"], store)
    return store


@pytest.fixture(scope="session")
def day(store):
    """Return the expiry's own session."""
    return {DAY: store.day(DAY)}


def followed(opened, clock, plan, days, **rest):
    """Follow a plan on an account of its fills, from the morning of the first day."""
    clock.at = datetime.combine(min(days), time(9, 0))
    paper = opened(fills=plan.fills, capital_inr=1e7, **rest)
    return paper, paper.follow(plan, days)


@pytest.mark.parametrize(
    "fills",
    [
        {},
        {"stop": "bar_close", "slippage": {"ticks": 3}},
        {"stop": "extreme", "exit": "next_open", "slippage": {"percent": 1.5}},
        {"entry": "next_open", "stop": "next_open", "slippage": {"bar_range": 0.3}},
    ],
)
def test_one_object_fills_paper_and_backtest_alike(opened, clock, day, fills):
    """A plan's fill rules give account and backtest the same prices on the same bars, to the paisa."""
    plan = STRADDLE.but(fills=fills)
    paper, report = followed(opened, clock, plan, day)
    assert paper.fill_rules is plan.fills
    assert report.agrees, report.differences.to_string()
    assert len(report.legs) >= 1
    assert report.paper_inr == pytest.approx(report.backtest_inr, abs=1e-6)
    assert paper.pnl_inr == pytest.approx(report.backtest.net_inr, abs=0.01 * len(report.legs))


@pytest.mark.parametrize("seed", range(6))
def test_any_plan_agrees_to_the_paisa(opened, clock, store, random_plan, seed):
    """Whatever the rules, what became known bar by bar gives what the whole day gave."""
    plan = random_plan(seed)
    days = {day: store.day(day) for day in store.days()[-1:]}
    _, report = followed(opened, clock, plan, days)
    assert report.agrees, report.differences.to_string()


def test_a_plan_is_held_overnight_and_settled(opened, clock, store):
    """A position of two sessions that is held to the settlement of its expiry agrees too."""
    plan = Plan.from_yaml("""
name: to expiry
entry: {at: "10:00"}
exit: {at: "15:45", after_days: 1}
legs:
  - {side: sell, right: CE, strike: {listed: 47200}}
  - {side: buy, right: CE, strike: {listed: 47400}}
""")
    days = {day: store.day(day) for day in store.days()[-2:]}
    paper, report = followed(opened, clock, plan, days)
    assert report.agrees, report.differences.to_string()
    assert set(report.backtest.trades["reason"]) >= {"expiry"}
    assert [one.net for one in paper.positions()] == [0] * len(paper.positions())


def test_following_again_places_nothing_twice(opened, clock, day):
    """After half a day and a restart the whole day gives the account that one pass would have given."""
    clock.at = datetime.combine(DAY, time(9, 0))
    paper = opened(fills=STRADDLE.fills)
    half = ((hidden(day[DAY], column), column) for column in range(0, 25))
    paper.follow(STRADDLE, half)
    orders = len(paper.book())
    paper = opened(fills=STRADDLE.fills)
    report = paper.follow(STRADDLE, day)
    assert report.agrees
    assert len({order.tag for order in paper.book()}) == len(paper.book()) > orders


def test_python_rules_are_followed(opened, clock, day):
    """Functions among the rules are asked with what is known then, and agree with the backtest."""
    seen = []

    def rings(moment):
        seen.append(moment.minutes.traded[:, -1].any())
        return moment.at.hour >= 10

    plan = STRADDLE.but(
        entry={"at": "09:30", "signal": rings},
        exit={"at": "15:15", "when": lambda moment: moment.profit_inr < -300},
    )
    _, report = followed(opened, clock, plan, day)
    assert report.agrees, report.differences.to_string()
    assert all(seen)


def test_what_the_account_refuses_is_a_difference_with_its_words(opened, clock, day):
    """With the kill switch thrown nothing is entered, and the report says so leg by leg."""
    clock.at = datetime.combine(DAY, time(9, 0))
    paper = opened(fills=STRADDLE.fills)
    paper.kill("a day off")
    report = paper.follow(STRADDLE, day)
    assert not report.agrees
    assert report.paper_inr == 0.0
    assert report.legs["why"].str.contains("Trading is stopped: a day off").all()
    assert "a day off" in report._repr_html_()


def test_the_daily_loss_ends_a_followed_plan(opened, clock, day):
    """The account closes what the plan holds at the bar's close, and the report lists what followed."""
    clock.at = datetime.combine(DAY, time(9, 0))
    paper = opened(fills=STRADDLE.fills, daily_loss_inr=300)
    report = paper.follow(STRADDLE, day)
    assert "daily loss" in paper.stopped
    assert [one.net for one in paper.positions()] == [0] * len(paper.positions())
    assert not report.agrees


@pytest.mark.parametrize("stands_at", [time(9, 0), time(9, 20), time(15, 0)])
def test_the_kill_switch_closes_a_followed_plan_whatever_the_clock(opened, clock, day, stands_at):
    """Thrown and released in a replay it leaves nothing open, though the account's clock stands still."""
    clock.at = datetime.combine(DAY, stands_at)
    paper = opened(fills=STRADDLE.fills)

    def minutes():
        for number, minute in enumerate(replayed(day)):
            if number == 10:
                paper.kill("enough")
            if number == 12:
                paper.resume()
            yield minute

    paper.follow(STRADDLE, minutes())
    assert paper.positions()
    assert [one.net for one in paper.positions()] == [0] * len(paper.positions())


def test_by_quotes_the_difference_is_listed(opened, clock, day):
    """With `quotes` orders wait for quotes: without any they are not filled, and the report says that."""
    plan = STRADDLE.but(fills=FillRules(quotes={"model": "touch"}))
    _, report = followed(opened, clock, plan, day)
    assert report.legs["why"].str.contains("the plan leaves").all()


def test_other_fills_and_earlier_days_are_refused(opened, clock, day, store):
    """An account that fills otherwise than the plan, or is past its minutes, says what to do."""
    clock.at = datetime.combine(DAY, time(9, 0))
    paper = opened()
    with pytest.raises(SettingsError, match=r"fills=plan\.fills"):
        paper.follow(STRADDLE.but(fills={"slippage": {"ticks": 1}}), day)
    paper.follow(STRADDLE, day)
    with pytest.raises(DataError, match="already at 2024-01-10"):
        paper.follow(STRADDLE, {date(2024, 1, 9): store.day(date(2024, 1, 9))})


@pytest.mark.parametrize(("part", "minute"), [("entry", 35), ("exit", 25)])
def test_a_failing_rule_stops_where_it_failed_and_goes_on_when_mended(opened, clock, day, part, minute):
    """The error names rule, day and minute, and what is held stays; followed again it ends as planned."""
    broken = [True]

    def fussy(moment):
        if broken and (moment.at.hour, moment.at.minute) == (9, minute):
            raise KeyError("vix")
        return part == "entry" and moment.at.hour >= 12

    rules = {"entry": {"at": "09:30", "signal": fussy}, "exit": {"at": "15:15", "when": fussy}}
    plan = STRADDLE.but(**{part: rules[part]})
    clock.at = datetime.combine(DAY, time(9, 0))
    paper = opened(fills=plan.fills)
    with pytest.raises(
        RuleFailed, match=f"The {part} rule fussy failed on 2024-01-10 at 09:{minute}"
    ) as caught:
        paper.follow(plan, day)
    assert isinstance(caught.value.__cause__, KeyError)
    broken.clear()
    report = paper.follow(plan, day)
    assert report.agrees, report.differences.to_string()


def test_a_bar_is_played_and_asked_once(opened, clock, day):
    """Over a session a signal is asked once a minute: what following costs does not grow with the day."""
    asked = []

    def waits(moment):
        asked.append(moment.at)
        return moment.at.hour >= 14

    plan = STRADDLE.but(entry={"at": "09:30", "signal": waits})
    clock.at = datetime.combine(DAY, time(9, 0))
    paper = opened(fills=plan.fills)
    report = paper.follow(plan, day)
    assert report.agrees
    assert len(asked) == 2 * len(set(asked))  # by the account, and by the backtest beside it


@pytest.mark.parametrize("made", [5, "abc", [1], [(1, 2)], lambda day: [(day, 375)], lambda day: [(day, -1)]])
def test_what_is_no_minutes_is_refused(opened, clock, day, made):
    """Whatever else is given as minutes is named, with what may be passed."""
    clock.at = datetime.combine(DAY, time(9, 0))
    minutes = made(day[DAY]) if callable(made) else made
    with pytest.raises(
        DataError, match=r"(Minutes come as sessions|A session has no such bar).*Pass a store"
    ):
        opened(fills=STRADDLE.fills).follow(STRADDLE, minutes)
