"""Exchange time and what the exchange fixes by date: sessions, expiries, lots, ticks, rates.

The functions are pure: they take dates and times and look only at the dated tables; a day outside a table's
range is refused. What time it is now comes from a `Clock`, which anything that needs the present takes as an
argument. A time without a zone is exchange time. Sources: the tables in ``data/`` name theirs row by row.
"""

from kit.clock.contracts import SettlementRule, lot_size, settlement_rule, tick_inr
from kit.clock.dates import format_expiry, parse_day, parse_moment
from kit.clock.expiries import ListedExpiries, expiries, last_trading_day, monthly_expiry
from kit.clock.holidays import is_business_day, is_provisional
from kit.clock.maturity import MINUTES_PER_YEAR, Convention, years_to_expiry
from kit.clock.present import IST, Clock, ManualClock, SystemClock, exchange_clock, in_ist
from kit.clock.rates import risk_free_rate
from kit.clock.sessions import (
    Segment,
    Session,
    SessionKind,
    TradingInterval,
    is_open,
    is_session,
    last_session,
    next_open,
    next_session,
    previous_session,
    session,
    sessions,
    spot_is_frozen,
    square_off,
)

__all__ = [
    "IST",
    "MINUTES_PER_YEAR",
    "Clock",
    "Convention",
    "ListedExpiries",
    "ManualClock",
    "Segment",
    "Session",
    "SessionKind",
    "SettlementRule",
    "SystemClock",
    "TradingInterval",
    "exchange_clock",
    "expiries",
    "format_expiry",
    "in_ist",
    "is_business_day",
    "is_open",
    "is_provisional",
    "is_session",
    "last_session",
    "last_trading_day",
    "lot_size",
    "monthly_expiry",
    "next_open",
    "next_session",
    "parse_day",
    "parse_moment",
    "previous_session",
    "risk_free_rate",
    "session",
    "sessions",
    "settlement_rule",
    "spot_is_frozen",
    "square_off",
    "tick_inr",
    "years_to_expiry",
]
