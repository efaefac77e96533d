"""The three sliding windows of the rate limits."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.facts import table
from kit.simulator.limits import SlidingLimits

TODAY = date(2026, 11, 20)


class Hand:
    """Time that a test moves; in eighths of a second, which floats hold exactly."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        """Return the time it was moved to."""
        return self.now


def test_fourth_candle_request_of_a_second_waits_for_the_window():
    """Three requests pass, the fourth is refused until the first is a second old."""
    hand = Hand()
    limits = SlidingLimits(TODAY, timer=hand)
    assert [limits.admit("getCandleData", "A") for _ in range(4)] == [True, True, True, False]
    hand.now += 0.875
    assert not limits.admit("getCandleData", "A")
    hand.now += 0.125
    assert limits.admit("getCandleData", "A")


def test_minute_and_hour_bind_as_well():
    """At two a second the 181st candle request of a minute is refused, and the 5001st of an hour."""
    hand = Hand()
    limits = SlidingLimits(TODAY, timer=hand)
    admitted = []
    for _ in range(2 * 3600):
        admitted.append(limits.admit("getCandleData", "A"))
        hand.now += 0.5
    assert sum(admitted[:120]) == 120
    assert sum(admitted) == 5000
    hand = Hand()
    limits = SlidingLimits(TODAY, timer=hand)
    fast = []
    for _ in range(4 * 60):
        fast.append(limits.admit("getCandleData", "A"))
        hand.now += 0.25
    assert sum(fast) == 180


def test_client_codes_do_not_share_and_histories_do():
    """Another client code has its own windows; candles and interest history draw on one budget."""
    limits = SlidingLimits(TODAY, timer=Hand())
    assert all(limits.admit("getCandleData", "A") for _ in range(3))
    assert limits.admit("getCandleData", "B")
    assert not limits.admit("getOIData", "A")
    assert limits.refused == {"getOIData": 1}


def test_switched_off_limits_admit_everything():
    """Without limits nothing is refused and nothing is counted."""
    limits = SlidingLimits(TODAY, enabled=False, timer=Hand())
    assert all(limits.admit("loginByPassword", "A") for _ in range(100))


def test_limits_follow_the_dated_table():
    """Before April 2026 the candle limit was 500 a minute."""
    hand = Hand()
    limits = SlidingLimits(date(2025, 6, 2), timer=hand)
    admitted = []
    for _ in range(240):
        admitted.append(limits.admit("getCandleData", "A"))
        hand.now += 0.375
    assert sum(admitted) == 240  # 160 a minute for 90 s: within 500, and 3 a second


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([row["endpoint"] for row in table("rate_limits") if row["from"] == "2026-04-01"]),
    st.lists(st.integers(0, 12), max_size=120),
)
def test_no_window_ever_holds_more_than_its_limit(endpoint, pauses):
    """Whatever the pauses, the admitted requests satisfy each window, and a refusal had a reason."""
    hand = Hand()
    limits = SlidingLimits(TODAY, timer=hand)
    row = next(
        row for row in table("rate_limits") if row["endpoint"] == endpoint and row["from"] == "2026-04-01"
    )
    names = {"per_second": 1, "per_minute": 60, "per_hour": 3600}
    windows = [(length_s, int(row[name])) for name, length_s in names.items() if row[name]]
    admitted: list[float] = []
    for eighths in pauses:
        hand.now += eighths / 8
        full = [sum(hand.now - length_s < then for then in admitted) >= most for length_s, most in windows]
        assert limits.admit(endpoint, "A") is not any(full)
        if not any(full):
            admitted.append(hand.now)


@pytest.mark.parametrize(
    ("form", "status", "start"),
    [("text", 403, "Access denied"), ("json", 200, '{"status":false'), ("429", 429, "Access")],
)
def test_refusal_comes_in_three_forms(limited_exchange, call_on, form, status, start):
    """The server refuses in the form it is told, and the refused request is not processed."""
    caller = call_on(limited_exchange)
    limited_exchange.limits.form = form
    assert caller.login()["status"] is True
    asked = {"name": "BANKNIFTY", "expirydate": "29DEC2026"}
    answers = [caller.post("/marketData/v1/optionGreek", **asked) for _ in range(2)]
    assert answers[0].json()["status"] is True
    if answers[0].elapsed.total_seconds() < 0.9:
        assert answers[1].status_code == status
        assert answers[1].text.startswith(start)
        assert limited_exchange.stats.processed["optionGreek"] == 1
