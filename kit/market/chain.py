"""One expiry asked of the broker: the underlying and the future first, then the strikes near them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import numpy as np

from kit.broker.client import AngelAPIClient
from kit.broker.shapes import Reply, oldest
from kit.chains.atm import atm_strike
from kit.chains.contracts import around
from kit.chains.quotes import from_quotes, last_price, quoted_at
from kit.chains.snapshot import snapshot
from kit.errors import ProtocolError
from kit.model import ChainSnapshot, Instrument


def fetch(
    client: AngelAPIClient,
    index: Instrument,
    series: tuple[Sequence[Instrument], Instrument | None],
    expiry: date,
    strikes_around: int,
    now: datetime,
) -> Reply[ChainSnapshot]:
    """Ask the broker for one expiry.

    Parameters
    ----------
    client : AngelAPIClient
        The broker.
    index : Instrument
        The underlying.
    series : tuple of (sequence of Instrument, Instrument or None)
        The options of the expiry and its future.
    expiry : date
        Which one.
    strikes_around : int
        Strikes on either side of the spot.
    now : datetime
        The present, where the quotes have no time of their own.

    Returns
    -------
    Reply of ChainSnapshot
        As old as the oldest quote in it.

    Raises
    ------
    ProtocolError
        The underlying itself has no quote, or a quote cannot be.
    FarStrike
        The underlying's level is far from every strike.
    """
    options, future = series
    leading = [_key(found) for found in (index, future) if found]
    first = client.quotes(leading)
    spot = last_price(first.data.fetched.get(_key(index)))
    if np.isnan(spot):
        raise ProtocolError("The broker has no quote for the underlying", index.symbol, "Try again later.")
    atm_strike(spot, {option.strike for option in options})  # refuses a level that is not this underlying's
    near = around(options, spot, strikes_around)
    rest = client.quotes(_key(option) for option in near)
    rows = [rest.data.fetched.get(_key(option)) for option in near]
    age = oldest([first, rest])
    found = snapshot(
        from_quotes(near, rows),
        underlying=index.name,
        expiry=expiry,
        taken_at=quoted_at(rows, now),
        spot=spot,
        lot_size=near[0].lot_size,
        source=age.source,
        future=last_price(first.data.fetched.get(_key(future))) if future else None,
    )
    return age.holding(replace(found, venue=client.venue))


def _key(instrument: Instrument) -> tuple[str, str]:
    return instrument.exchange, instrument.token
