"""Answers have the keys and types of the broker's documentation samples."""

from __future__ import annotations

import json

import pytest

LATER_KEYS = {"referenceLimitPrice", "is_cas_enabled", "freeze_qty"}  # newer than the samples


def sample(shared_data, name):
    """Read one documentation sample."""
    return json.loads((shared_data / "angel" / f"docsample_{name}.json").read_text())


def shape(value):
    """Return keys and types, numbers being one type, a list being its first element."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items() if key not in LATER_KEYS}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


def row_shape(answer):
    """Return the shape of an answer's first row of candles: time, then five numbers."""
    return [shape(item) for item in answer["data"][0]]


@pytest.mark.parametrize(("mode", "name"), [("FULL", "quote_0"), ("OHLC", "quote_1")])
def test_quotes_look_like_the_samples(caller, shared_data, mode, name):
    """A share's quote has exactly the documented keys, at every depth."""
    assert shape(caller.quotes(mode, "3045", exchange="NSE")) == shape(sample(shared_data, name))


def test_unfetched_rows_look_like_the_sample(caller, shared_data):
    """A missing token is reported with the documented keys and code."""
    rows = caller.quotes("LTP", "", exchange="MCX")["data"]["unfetched"]
    assert rows == sample(shared_data, "quote_3")["data"]["unfetched"]


def test_candles_and_interest_look_like_the_samples(caller, shared_data):
    """Candles are lists of a time and five numbers; interest has time and oi."""
    assert row_shape(caller.candles().json()) == row_shape(sample(shared_data, "historical_1"))
    body = {"exchange": "NFO", "symboltoken": caller.options(count=1)[0], "interval": "ONE_HOUR"}
    span = {"fromdate": "2026-11-20 09:15", "todate": "2026-11-20 11:00"}
    answer = caller.post("/historical/v1/getOIData", **body, **span).json()
    assert shape(answer) == shape(sample(shared_data, "historical_3"))


def test_greeks_and_lists_look_like_the_samples(caller, shared_data):
    """Greeks and build-up are all text; the gainers' tokens are numbers."""
    greeks = caller.post("/marketData/v1/optionGreek", name="BANKNIFTY", expirydate="29DEC2026").json()
    assert shape(greeks) == shape(sample(shared_data, "greeks_1"))
    kinds = ("PercOIGainers", "PercOILosers")
    ranked = [
        caller.post("/marketData/v1/gainersLosers", datatype=kind, expirytype="NEAR").json() for kind in kinds
    ]
    full = next(answer for answer in ranked if answer["data"])
    assert shape(full) == shape(sample(shared_data, "pcr_oi_1"))
    kinds = ("Long Built Up", "Short Built Up", "Short Covering", "Long Unwinding")
    built = [
        caller.post("/marketData/v1/OIBuildup", datatype=kind, expirytype="NEAR").json() for kind in kinds
    ]
    full = next(answer for answer in built if answer["data"])
    assert shape(full) == shape(sample(shared_data, "pcr_oi_4"))


def test_master_rows_have_the_real_keys(caller, exchange, shared_data):
    """Rows of the master have every key of the real file, as text."""
    real = json.loads((shared_data / "angel" / "scripmaster_extract_20240307.json").read_text())
    rows = caller.session.get(exchange.master_url, timeout=20).json()
    assert shape(rows[-1]) == shape(real[0])
