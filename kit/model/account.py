"""What an account has and what orders would take of it: shares, funds, margin, charges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShareHolding:
    """Shares in the depository.

    Parameters
    ----------
    exchange, token, symbol, isin : str
        What is held.
    quantity : int
        Units, those that are still on their way (T+1) included.
    average_price_inr, ltp_inr, profit_inr : float
        Rupees; NaN where the broker does not say.
    """

    exchange: str
    token: str
    symbol: str
    isin: str
    quantity: int
    average_price_inr: float
    ltp_inr: float
    profit_inr: float


@dataclass(frozen=True, slots=True)
class AccountFunds:
    """What an account can spend, rupees; NaN where the broker sends null.

    Parameters
    ----------
    net_inr : float
        Free for new orders.
    cash_inr : float
        Cash.
    used_inr : float
        Tied up by positions and waiting orders.
    realised_inr, unrealised_inr : float
        Profit of the day.
    """

    net_inr: float
    cash_inr: float
    used_inr: float
    realised_inr: float
    unrealised_inr: float


@dataclass(frozen=True, slots=True)
class MarginEstimate:
    """What a basket of orders would tie up, rupees.

    Parameters
    ----------
    total_inr : float
        All of it.
    span_inr, premium_inr, benefit_inr : float
        Of derivatives, net premium of options, and what holding them together saves.
    """

    total_inr: float
    span_inr: float
    premium_inr: float
    benefit_inr: float


@dataclass(frozen=True, slots=True)
class ChargesEstimate:
    """What a basket of orders would cost, rupees.

    Parameters
    ----------
    total_inr : float
        All of it.
    value_inr : float
        Rupees traded.
    parts_inr : mapping of str to float
        By the broker's names, for instance ``"Stamp Duty"``.
    """

    total_inr: float
    value_inr: float
    parts_inr: Mapping[str, float]
