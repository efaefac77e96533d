"""Numbers that are none, in every answer of the broker: a typed error, never a chain of nonsense."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from requests import Response

from kit.bars import candles
from kit.broker import order_rows
from kit.broker.master import rows_of
from kit.broker.replies import data_of
from kit.broker.shapes import Reply, number
from kit.chains.quotes import from_quotes, last_price, quoted_at
from kit.clock import IST
from kit.errors import FarStrike, KitError, ProtocolError
from kit.market import chain
from kit.market.manager import DataManager
from kit.market.price import Price

NONE: list[Any] = [
    True,
    -5,
    -0.05,
    float("inf"),
    1e308,
    1e13,
    10**400,
    "nan",
    "inf",
    "true",
    [],
    {},
    [5],
    "5 5",
]
NOW = datetime(2026, 11, 20, 11, 15, tzinfo=IST)


def _quote(**changed: Any) -> dict[str, Any]:
    side = [{"price": 100.0, "quantity": 30, "orders": 1}]
    whole = {
        "exchange": "NFO",
        "symbolToken": "1",
        "ltp": 100.0,
        "close": 99.0,
        "tradeVolume": 10,
        "opnInterest": 30,
    }
    return {**whole, "depth": {"buy": side, "sell": side}, "exchFeedTime": "20-Nov-2026 11:14:59"} | changed


@pytest.fixture(scope="module")
def options(data: DataManager) -> list[Any]:
    """Return one contract, as the listing knows it."""
    return data._present().listing.series("BANKNIFTY", date(2026, 11, 23))[0][:1]


@pytest.mark.parametrize("field", ["ltp", "close", "tradeVolume", "opnInterest"])
def test_a_quote(field: str, options: list[Any]) -> None:
    """A field of a quote that can be no such number is refused; 0, null and nothing mean none."""
    taken = []
    for wrong in NONE:
        with pytest.raises(ProtocolError):
            taken.append((wrong, from_quotes(options, [_quote(**{field: wrong})])))
    assert taken == []
    for none in (0, 0.0, None, ""):
        from_quotes(options, [_quote(**{field: none})])


@pytest.mark.parametrize(
    "depth", [None, [], "x", {"buy": 5}, {"buy": [{}], "sell": []}, {"buy": [{"price": -1}], "sell": []}]
)
def test_a_book(depth: Any, options: list[Any]) -> None:
    """A book of another shape is refused."""
    with pytest.raises(ProtocolError):
        from_quotes(options, [_quote(depth=depth)])


@pytest.mark.parametrize("wrong", NONE, ids=lambda wrong: str(wrong)[:9])
def test_a_last_price(wrong: Any) -> None:
    """A level that cannot be is refused, for an underlying's quote and for a price alone."""
    with pytest.raises(ProtocolError):
        last_price(_quote(ltp=wrong))
    with pytest.raises(ProtocolError):
        Price.of(Reply({"ltp": wrong}, "network", 0.0, 5.0), 0.0)


@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf", "1e400", True, [], {}, "five", float("inf")])
def test_funds(wrong: Any) -> None:
    """An amount that is none is refused."""
    with pytest.raises(ProtocolError):
        number(wrong)


ORDER = {
    "orderid": "1", "exchange": "NFO", "tradingsymbol": "A", "transactiontype": "BUY", "ordertype": "LIMIT",
    "producttype": "CARRYFORWARD", "duration": "DAY", "variety": "NORMAL", "status": "open", "lotsize": "30",
    "price": 100.0, "triggerprice": 0.0, "averageprice": "99.5", "quantity": "60", "filledshares": "30",
}  # fmt: skip
HELD = {
    "exchange": "NFO", "symboltoken": "1", "tradingsymbol": "A", "producttype": "CARRYFORWARD",
    "lotsize": "30", "buyqty": "30", "sellqty": "0", "cfbuyqty": "0", "cfsellqty": "0",
    "totalbuyavgprice": "99.5", "totalsellavgprice": "0.00", "ltp": "98",
    "realised": "- 4.5", "unrealised": "-45.00",
}  # fmt: skip
COUNTS = ("lotsize", "quantity", "filledshares", "buyqty", "cfsellqty")
AMOUNTS = ("realised", "unrealised")
WORDS = ("transactiontype", "ordertype", "producttype", "duration", "variety")


@pytest.mark.parametrize(("read", "row"), [(order_rows.booked, ORDER), (order_rows.position, HELD)])
def test_a_row_of_orders_or_positions(read: Callable[[Any], Any], row: dict[str, Any]) -> None:
    """A price or count of an order that can be no such number is refused, and a word that is none."""
    assert order_rows.row_of(read, row, "a book")
    taken = []
    for name in row:
        wrong = [5, True, float("inf"), None, []] if name in WORDS else []
        if name.endswith("price") or name in (*COUNTS, *AMOUNTS, "ltp"):
            wrong = [one for one in NONE if name not in AMOUNTS or one not in (-5, -0.05)]
            wrong += ["٥", "1_000", "0x5", "5 5", "1e400", "-"] + (["5.5", 0.5] if name in COUNTS else [])
        for value in wrong:
            with suppress(ProtocolError):
                taken.append((name, value, order_rows.row_of(read, row | {name: value}, "a book")))
    assert taken == []


@pytest.mark.parametrize("spot", [0.05, 1.0, 5.0, 500.0, 500_000.0, 9e6])
def test_a_level_far_from_every_strike(
    spot: float, data: DataManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A level that is not this underlying's gives no chain, so nothing is ranked on it."""
    client, listed = data._present().client, data._present().listing
    series, quotes = listed.series("BANKNIFTY", date(2026, 11, 23)), client.quotes

    def moved(keys: Any, mode: Any = "FULL") -> Any:
        reply = quotes(keys, mode)
        for key, row in reply.data.fetched.items():
            row["ltp"] = spot if key[1] == "99926009" else row["ltp"]
        return reply

    monkeypatch.setattr(client, "quotes", moved)
    with pytest.raises(FarStrike):
        chain.fetch(client, listed.underlying("BANKNIFTY"), series, date(2026, 11, 23), 5, NOW)


@pytest.mark.parametrize("wrong", [True, float("inf"), -5.0, 10**400, "x", [], {}, None])
@pytest.mark.parametrize("at", range(1, 6))
def test_a_candle(wrong: Any, at: int) -> None:
    """A bar with a number that is none is set aside, or the whole answer is refused."""
    row: list[Any] = ["2026-11-20T09:15:00+05:30", 100.0, 101.0, 99.0, 100.0, 10]
    row[at] = wrong
    with suppress(ProtocolError):
        assert candles.broken(candles.frame([row])).all()


@pytest.mark.parametrize(
    "time", ["", "NaT", "yesterday", None, 5, "0001-01-01T00:00:00+05:30", "9999-12-31T00:00:00+05:30"]
)
def test_a_candle_of_no_time(time: Any) -> None:
    """A bar without a time that a table can hold is refused."""
    with pytest.raises(ProtocolError):
        candles.frame([[time, 1.0, 1.0, 1.0, 1.0, 1]])


@pytest.mark.parametrize(
    "text",
    ["20-Nov-2020 11:15:00", "20-Nov-2036 11:15:00", "01-Jan-1970 00:00:00", "soon", "32-Nov-2026 1:1:1"],
)
def test_a_quote_of_another_time(text: str) -> None:
    """A quote fed years ago or ahead makes no chain: it would complete with NaN everywhere."""
    with pytest.raises(ProtocolError):
        quoted_at([_quote(exchFeedTime=text)], NOW)
    assert quoted_at([_quote(exchFeedTime="13-Nov-2026 15:39:00")], NOW) == NOW - timedelta(
        6, 19 * 3600 + 36 * 60
    )


SAID = b'{"status": true, "data": '
BODIES = [
    SAID + b"Infinity}", SAID + b'{"ltp": NaN}}', SAID + b"-Infinity}", SAID + b"9" * 5000 + b"}", SAID,
    SAID + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"a":' * 50_000, b"[" * 100_000,
    b'{"status": true', b"null", b"[]", b"5", b'"text"', b"\xff\xfe", b"",
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:24].decode("latin-1"))
def test_a_body(body: bytes) -> None:
    """A body that is no JSON, or nested without end, is an answer in no dialect."""
    response = Response()
    response.status_code, response._content = 200, body
    with pytest.raises(KitError) as caught:
        data_of(response, "quotes")
    assert len(str(caught.value)) < 1000


TWICE = [
    b'{"status": true, "status": false, "data": 5}',
    b'{"status": true, "data": 5, "data": 6}',
    SAID + b'{"ltp": 100.0, "ltp": 200.0}}',
    SAID + b'{"ltp": 100.0, "ltp": 100.0}}',
    SAID + b'{"fetched": [{"ltp": 1.0}, {"ltp": 1.0, "close": 2.0, "ltp": 1.0}]}}',
    SAID + b'{"depth": {"buy": [], "sell": [], "buy": [{}]}}}',
    SAID + b'[{"orderid": "1", "orderid": "2"}]}',
    b'{"status": true, "data": {"jwtToken": "a", "jwtToken": "b"}}',
    SAID + b'{"": 1, "": 2}}',
    SAID + b'{"' + b"x" * 9000 + b'": 1, "' + b"x" * 9000 + b'": 2}}',
    SAID + b'{"l\\u0074p": 1, "ltp": 2}}',
]


@pytest.mark.parametrize("body", TWICE, ids=range(len(TWICE)))
def test_a_key_that_stands_twice(body: bytes) -> None:
    """An answer that says a key twice says nothing: it is refused by the key's name."""
    response = Response()
    response.status_code, response._content = 200, body
    with pytest.raises(ProtocolError, match="stands there twice") as caught:
        data_of(response, "quotes")
    assert len(str(caught.value)) < 400
    assert caught.value.status == 200


def test_a_row_of_the_master_that_says_a_key_twice() -> None:
    """A row of the instrument master that says its token twice is refused."""
    with pytest.raises(ProtocolError, match="'token' stands there twice"):
        list(rows_of([b'[{"token": "1", "token"', b': "2"}]']))


@pytest.mark.parametrize(
    "body", [b'[{"a":' * 20_000, b'[{"a": "' + b"x" * 3_000_000, b"[[[[", b"{}", b"[" + b"{}" * 5, b"[{},]x"]
)
def test_a_master(body: bytes) -> None:
    """A master whose rows do not end is refused before it has eaten the memory."""
    pieces = (body[at : at + 65_536] for at in range(0, len(body), 65_536))
    with pytest.raises(ProtocolError):
        list(rows_of(pieces))


@pytest.mark.parametrize("make", [lambda body: body, lambda body: body * 2], ids=["once", "twice"])
def test_a_whole_answer_is_still_read(make: Callable[[bytes], bytes]) -> None:
    """The strict reading takes what the broker says as it says it."""
    response = Response()
    response.status_code, response._content = (
        200,
        json.dumps({"status": True, "data": make(b"5").decode()}).encode(),
    )
    assert data_of(response, "quotes") in ("5", "55")
