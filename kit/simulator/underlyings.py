"""What is listed besides contracts: two indices with options, India VIX, and a few shares."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Underlying:
    """Something with a price path of its own.

    Parameters
    ----------
    key : int
        Separates its random numbers from the others'.
    token, symbol, name, kind : str
        As the broker's instrument master writes them.
    level : float
        Rupees, about, on the anchor day of the market.
    vol_ratio : float
        Its volatility over Bank Nifty's.
    correlation : float
        With Bank Nifty, from 0 to 1.
    strike_step : int
        Rupees between strikes near the money; 0 where it has no contracts.
    daily_volume : float
        Shares on an average day; 0 for an index.
    """

    key: int
    token: str
    symbol: str
    name: str
    kind: str
    level: float
    vol_ratio: float
    correlation: float
    strike_step: int
    daily_volume: float


BANKNIFTY = Underlying(1, "99926009", "Nifty Bank", "BANKNIFTY", "AMXIDX", 57_034.6, 1.0, 1.0, 100, 0)
NIFTY = Underlying(2, "99926000", "Nifty 50", "NIFTY", "AMXIDX", 26_018.35, 0.85, 0.85, 50, 0)
SHARES = (
    Underlying(3, "3045", "SBIN-EQ", "SBIN", "", 981.2, 1.5, 0.7, 0, 9e6),
    Underlying(4, "1333", "HDFCBANK-EQ", "HDFCBANK", "", 993.45, 1.3, 0.8, 0, 1.8e7),
    Underlying(5, "4963", "ICICIBANK-EQ", "ICICIBANK", "", 1_391.7, 1.3, 0.8, 0, 1.1e7),
    Underlying(6, "2885", "RELIANCE-EQ", "RELIANCE", "", 1_512.3, 1.4, 0.5, 0, 1.2e7),
)
INDICES = (BANKNIFTY, NIFTY)

# The other index rows of the real master: named, but without a market of their own here.
UNTRADED_ROWS = (
    ("26009", "BANKNIFTY", "BANKNIFTY", "", "-1.000000"),  # the old row: same name, no candles
    ("26000", "NIFTY", "NIFTY", "", "-1.000000"),
    ("99926037", "Nifty Fin Service", "FINNIFTY", "AMXIDX", "0.000000"),
    ("99926074", "NIFTY MID SELECT", "MIDCPNIFTY", "AMXIDX", "0.000000"),
)
VIX_TOKEN, VIX_SYMBOL, VIX_NAME = "99926017", "India VIX", "INDIA VIX"
