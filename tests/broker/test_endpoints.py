"""The rows of the broker's API, and how long their replies live."""

from __future__ import annotations

import json
import math
from datetime import date, datetime

import pytest
from requests.structures import CaseInsensitiveDict

from kit.broker import endpoints
from kit.broker.endpoints import CANDLES, GREEKS, LOGIN, LTP, OI_HISTORY, QUOTES, spoken, windows
from kit.broker.lifetimes import lifetime_s, up_to_now
from kit.broker.session import prepared
from kit.clock import IST
from kit.settings import CacheConfig
from kit.transport.limits import Window

OPEN = datetime(2026, 11, 20, 11, 15, tzinfo=IST)
EVENING = datetime(2026, 11, 20, 18, 0, tzinfo=IST)  # Friday; Monday is a session
CONFIG = CacheConfig()


@pytest.mark.parametrize("endpoint", endpoints.ALL, ids=lambda endpoint: endpoint.name)
def test_every_row_is_complete(endpoint):
    """Every row must name a lifetime that exists, a budget with limits, and a path of its own."""
    assert endpoint.lifetime is None or endpoint.lifetime in CacheConfig.model_fields
    assert windows(endpoint.budget, date(2026, 11, 23))
    assert sum(other.path == endpoint.path for other in endpoints.ALL) == 1
    assert endpoint.lifetime is None or endpoint.retry_safe


def test_a_budget_is_told_in_the_kits_words():
    """Every budget that an endpoint uses has a word that is the kit's own; another one stays as it is."""
    words = {endpoint.budget: spoken(endpoint.budget) for endpoint in endpoints.ALL}
    assert words["getCandleData"] == "candles"
    assert words["getLtpData"] == "last price"
    names = {endpoint.name.replace("_", " ") for endpoint in endpoints.ALL}
    assert set(words.values()) <= names | {"last price"}
    assert len(set(words.values())) == len(words)
    assert spoken("no such budget") == "no such budget"


def test_limits_follow_their_date():
    """A day must get the limits that were in force, and a day before all of them the oldest."""
    today = (Window(3, 1.0), Window(180, 60.0), Window(5000, 3600.0))
    assert windows("getCandleData", date(2026, 11, 23)) == today
    assert windows("getCandleData", date(2025, 6, 1))[1] == Window(500, 60.0)
    assert windows("getCandleData", date(2023, 5, 3)) == windows("getCandleData", date(2025, 1, 1))
    assert OI_HISTORY.budget == CANDLES.budget


@pytest.mark.parametrize(
    ("endpoint", "body", "seconds"),
    [
        (LTP, {}, 5),
        (QUOTES, {"mode": "LTP"}, 5),
        (QUOTES, {"mode": "FULL"}, 60),
        (GREEKS, {}, 60),
        (CANDLES, {"todate": "2026-11-20 23:59"}, 3600),
        (CANDLES, {"todate": "2026-11-19 23:59"}, math.inf),
        (OI_HISTORY, {"todate": "2026-11-19 23:59"}, math.inf),
        (LOGIN, {}, None),
    ],
)
def test_lifetimes(endpoint, body, seconds):
    """Replies must live as long as their row says, and those about closed days for ever."""
    assert lifetime_s(endpoint, body, CONFIG, OPEN) == seconds


def test_quotes_hold_after_hours():
    """With the setting on, a quote taken after the close must live until the next open, and not otherwise."""
    held = CacheConfig(hold_after_hours=True)
    until_open = (datetime(2026, 11, 23, 9, 15, tzinfo=IST) - EVENING).total_seconds()
    for endpoint in (LTP, QUOTES, GREEKS):
        assert lifetime_s(endpoint, {}, held, EVENING) == until_open
        assert lifetime_s(endpoint, {}, CONFIG, EVENING) <= 60
        assert lifetime_s(endpoint, {}, held, OPEN) <= 60
    assert lifetime_s(CANDLES, {"todate": "2026-11-20 23:59"}, held, EVENING) == 3600


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (datetime(2026, 11, 20, 11, 15, tzinfo=IST), 3600),  # a session under way
        (datetime(2026, 11, 20, 15, 50, tzinfo=IST), 3600),  # over, its last bars may be late
        (datetime(2026, 11, 21, 12, 0, tzinfo=IST), 45.25 * 3600),  # Saturday: nothing comes before Monday
        (datetime(2026, 11, 23, 9, 0, tzinfo=IST), 15 * 60),  # bars of today begin in a quarter of an hour
    ],
)
def test_bars_up_to_today_live_to_the_next_open_at_most(now: datetime, seconds: float) -> None:
    """An answer without today's bars must not be served once there are some."""
    body = {"todate": f"{now:%Y-%m-%d} 23:59"}
    assert lifetime_s(CANDLES, body, CacheConfig(), now) == seconds


def test_what_is_sent_ends_now() -> None:
    """A span that ends ahead is cut on the wire alone, to the last bar; everything else is sent as it is."""
    now = datetime(2026, 11, 20, 11, 15, 30, tzinfo=IST)
    for endpoint in (CANDLES, OI_HISTORY):
        for end, expected in (("2026-11-20 23:59", "2026-11-20 11:15"), ("2026-11-19 23:59",) * 2):
            asked = prepared(
                "POST", "https://host" + endpoint.path, CaseInsensitiveDict(), {"a": "b", "todate": end}
            )
            sent = up_to_now(asked, now)
            assert json.loads(sent.body or b"") == {"a": "b", "todate": expected}
            assert sent.headers["Content-Length"] == str(len(sent.body or b""))
            assert json.loads(asked.body or b"")["todate"] == end
    for body in ({"todate": 5}, {}, {"todate": None}):
        asked = prepared("POST", "https://host" + CANDLES.path, CaseInsensitiveDict(), body)
        assert up_to_now(asked, now) is asked
    other = prepared("POST", "https://host" + LTP.path, CaseInsensitiveDict(), {"todate": "2026-11-20 23:59"})
    assert up_to_now(other, now) is other
