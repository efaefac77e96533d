"""FULL quotes as they were recorded: indices, shares, the closing auction, and after hours."""

from __future__ import annotations

from datetime import datetime

import pytest

from kit.clock import IST
from kit.simulator.market import Market
from kit.simulator.server import SimulatedExchange


@pytest.fixture(scope="module")
def afternoon():
    """Serve a market that stands still, to be moved through an afternoon."""
    at = datetime(2026, 11, 20, 15, 14, 30, tzinfo=IST)
    with SimulatedExchange(at=at, speed=1e-6, limits=False) as exchange:
        yield exchange


def full(call_on, exchange, hour, minute, *tokens):
    """Return FULL quotes of NSE tokens at a time of day."""
    exchange.clock.jump(datetime(2026, 11, 20, hour, minute, 30, tzinfo=IST))
    caller = call_on(exchange)
    caller.login()
    rows = caller.quotes("FULL", *tokens, exchange="NSE")["data"]["fetched"]
    return rows if len(tokens) > 1 else rows[0]


def test_an_index_has_neither_reference_nor_limits(call_on, afternoon):
    """Reference price, circuit limits, interest and book of an index are zero."""
    for row in full(call_on, afternoon, 12, 0, "99926009", "99926017"):
        assert (row["referenceLimitPrice"], row["opnInterest"]) == (0.0, 0)
        assert (row["lowerCircuit"], row["upperCircuit"]) == (0.0, 0.0)
        assert {level["price"] for side in row["depth"].values() for level in side} == {0.0}


def test_a_share_tells_the_interest_of_its_contracts(call_on, afternoon):
    """The open interest of a share is a large total; until the auction its reference is the last close."""
    row = full(call_on, afternoon, 12, 0, "3045")
    assert row["opnInterest"] > 1e8
    assert row["referenceLimitPrice"] == row["close"]
    assert row["depth"]["buy"][0]["price"] < row["ltp"] < row["depth"]["sell"][0]["price"]


def test_trade_times_of_the_auction(call_on, afternoon):
    """In the silence of the auction the last trade is of 15:15, then of the print, while the feed goes on."""
    silent = full(call_on, afternoon, 15, 20, "3045")
    assert silent["exchTradeTime"] == "20-Nov-2026 15:15:00"
    assert silent["exchFeedTime"] == "20-Nov-2026 15:20:30"
    assert silent["referenceLimitPrice"] == silent["ltp"]
    printed = full(call_on, afternoon, 15, 31, "99926009")
    assert printed["exchTradeTime"] == "20-Nov-2026 15:29:00"


@pytest.mark.parametrize(("hour", "minute"), [(9, 20), (15, 16), (15, 32), (15, 45), (16, 1), (22, 0)])
def test_nothing_is_traded_before_its_time(call_on, afternoon, hour, minute):
    """At no time of the day does a quote tell of a trade that lies ahead."""
    for row in full(call_on, afternoon, hour, minute, "3045", "99926009"):
        traded, fed = (
            datetime.strptime(row[field], "%d-%b-%Y %H:%M:%S") for field in ("exchTradeTime", "exchFeedTime")
        )
        assert traded <= fed


def test_a_share_after_hours(call_on, afternoon):
    """One sale is left at the last price and no purchase; time and limits are those of after the close."""
    row = full(call_on, afternoon, 17, 0, "3045")
    buys, sells = row["depth"]["buy"], row["depth"]["sell"]
    assert [level["quantity"] for level in buys] == [0] * 5
    assert sells[0]["price"] == row["ltp"]
    assert [level["quantity"] for level in sells[1:]] == [0] * 4
    assert (row["totBuyQuan"], row["totSellQuan"]) == (0, sells[0]["quantity"])
    assert row["exchTradeTime"] == "20-Nov-2026 15:59:57"
    assert row["lowerCircuit"] == pytest.approx(0.9 * row["ltp"], abs=0.06)
    assert row["upperCircuit"] == pytest.approx(1.1 * row["ltp"], abs=0.06)
    assert row["referenceLimitPrice"] not in (0.0, row["ltp"])


def test_greeks_out_of_hours_are_refused(call_on, afternoon):
    """Before the open and after the close there are no Greeks: AB9019."""
    caller = call_on(afternoon)
    asked = {"name": "BANKNIFTY", "expirydate": "29DEC2026"}
    for hour, minute, code in ((9, 7, "AB9019"), (12, 0, ""), (15, 39, ""), (15, 41, "AB9019")):
        afternoon.clock.jump(datetime(2026, 11, 20, hour, minute, tzinfo=IST))
        caller.login()
        assert caller.post("/marketData/v1/optionGreek", **asked).json()["errorcode"] == code


def test_the_profile_lists_seven_exchanges(call_on, afternoon):
    """The profile has the exchanges of the recorded one."""
    caller = call_on(afternoon)
    caller.login()
    found = caller.get("/user/v1/getProfile").json()["data"]["exchanges"]
    assert found == ["nse_fo", "nse_cm", "cde_fo", "ncx_fo", "bse_fo", "bse_cm", "mcx_fo"]


def test_a_contract_that_is_asked_for_twice_is_quoted_twice():
    """The same token thrice in one question, of whatever kind and never priced before, has three quotes."""
    market, now = Market(11), datetime(2026, 11, 20, 11, 15, tzinfo=IST)
    rows = market.listing(now).rows.values()
    kinds = {one.kind: one for one in rows}
    for contract in kinds.values():
        first, second, third = market.quotes([contract] * 3, now)
        assert first == second == third
