"""An order that can be built is one that an exchange would look at."""

import pickle
from dataclasses import replace
from datetime import date
from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import InvalidOrder
from kit.model import BookedOrder, GTTRule, Instrument, OpenPosition, OrderRequest

CALL = Instrument(
    "40001", "BANKNIFTY29DEC2657000CE", "BANKNIFTY", "NFO", "OPTIDX", date(2026, 12, 29), 57_000.0, "CE", 30,
    0.05, 600,
)  # fmt: skip
SHARE = Instrument("3045", "SBIN-EQ", "SBIN", "NSE", "", None, nan, None, 1, 0.05)


@given(st.integers(1, 20), st.integers(1, 400_000), st.sampled_from(["BUY", "SELL"]))
def test_lots_and_ticks_make_an_order(lots, ticks, side) -> None:
    """Whole lots up to the freeze quantity, at any price on the tick, are an order of so many units."""
    order = OrderRequest.in_lots(CALL, side, lots, round(ticks * 0.05, 2))
    assert (order.quantity, order.lots, order.variety) == (lots * 30, lots, "NORMAL")


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"quantity": 31}, "31.*30"),
        ({"quantity": 0}, "0"),
        ({"quantity": -30}, "-30.*side='SELL'"),
        ({"quantity": True}, "True"),
        ({"quantity": 30.0}, r"30\.0"),
        ({"quantity": 630}, "630.*at most 600"),
        ({"price_inr": 101.03}, r"101\.03.*101\.05"),
        ({"price_inr": nan}, "nan"),
        ({"price_inr": inf}, "inf"),
        ({"price_inr": 0.0}, "above zero"),
        ({"price_inr": "101"}, "'101'"),
        ({"side": "buy"}, "'buy'.*BUY"),
        ({"order_type": "LMT"}, "'LMT'.*LIMIT"),
        ({"product": "NRML"}, "'NRML'.*CARRYFORWARD"),
        ({"validity": "GTC"}, "'GTC'.*DAY"),
        ({"validity": "IOC", "after_market": True}, "IOC"),
        ({"trigger_price_inr": 100.0}, "no trigger price"),
        ({"order_type": "MARKET"}, "no price"),
        ({"order_type": "STOPLOSS_LIMIT"}, "trigger price.*nan"),
        ({"order_type": "STOPLOSS_LIMIT", "trigger_price_inr": 102.0}, "at or above"),
        ({"order_type": "STOPLOSS_LIMIT", "trigger_price_inr": 100.0, "side": "SELL"}, "at or below"),
        ({"tag": ""}, "''"),
        ({"tag": "x" * 20}, "19"),
        ({"tag": "déjà"}, "déjà"),
    ],
)
def test_what_no_exchange_would_take_is_named(changed, names) -> None:
    """What does not fit, be it lot, tick, freeze quantity, price or word, is refused by its value."""
    given_values = {"contract": CALL, "side": "BUY", "quantity": 30, "price_inr": 101.05, **changed}
    with pytest.raises(InvalidOrder, match=names):
        OrderRequest(**given_values)


@pytest.mark.parametrize(
    ("order_type", "price", "trigger", "variety"),
    [
        ("LIMIT", 101.05, nan, "NORMAL"),
        ("MARKET", nan, nan, "NORMAL"),
        ("STOPLOSS_LIMIT", 101.05, 100.0, "STOPLOSS"),
        ("STOPLOSS_MARKET", nan, 100.0, "STOPLOSS"),
    ],
)
def test_the_variety_follows_the_type(order_type, price, trigger, variety) -> None:
    """Nobody has to say STOPLOSS beside a stop order, and AMO stands before both."""
    order = OrderRequest(CALL, "BUY", 30, price, order_type, trigger)
    assert order.variety == variety
    assert replace(order, after_market=True).variety == "AMO"


def test_a_tag_is_the_orders_own() -> None:
    """Two orders have two tags, a copy and a pickle have one."""
    one, other = (OrderRequest(CALL, "BUY", 30, 101.05) for _ in range(2))
    assert one.tag != other.tag
    assert repr(pickle.loads(pickle.dumps(one))) == repr(one)  # NaN equals itself in writing


def test_gtt_rules_are_of_shares() -> None:
    """A rule of an option is refused, and so is a price off the tick."""
    assert GTTRule(SHARE, "BUY", 3, 990.0, 992.5).product == "DELIVERY"
    for wrong in ((CALL, "BUY", 30, 990.0, 992.5), (SHARE, "BUY", 3, 990.01, 992.5)):
        with pytest.raises(InvalidOrder):
            GTTRule(*wrong)


def test_what_is_held_is_bought_less_sold() -> None:
    """Net units and lots follow from both sides, and a profit that is half known is not known."""
    held = OpenPosition("NFO", "40001", CALL.symbol, "INTRADAY", 30, 30, 90, 100.0, 110.0, realised_inr=300.0)
    assert (held.net, held.net_lots) == (-60, -2.0)
    assert isnan(held.pnl_inr)
    assert replace(held, unrealised_inr=-50.0).pnl_inr == 250.0


def test_an_order_is_over_when_its_status_says_so() -> None:
    """Complete, cancelled and rejected are final, everything else still waits."""
    row = BookedOrder(
        "1", "u", "t", "NFO", "40001", CALL.symbol, "BUY", "LIMIT", "CARRYFORWARD", "DAY", "NORMAL",
        30, 0, 30, 30, 101.05, nan, nan, "open",
    )  # fmt: skip
    assert not row.is_final
    assert all(replace(row, status=word).is_final for word in ("complete", "cancelled", "rejected"))
