"""Who is refused: what the broker's interface declines by code, what its risk checks reject with words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kit.clock import session, square_off
from kit.errors import DataError
from kit.facts import fact
from kit.simulator.answers import Refused, application_error
from kit.simulator.contracts import ListedContract
from kit.simulator.orders.words import words

VARIETIES = ("NORMAL", "STOPLOSS", "AMO", "ROBO")
KINDS = ("LIMIT", "MARKET", "STOPLOSS_LIMIT", "STOPLOSS_MARKET")
PRODUCTS = ("DELIVERY", "CARRYFORWARD", "MARGIN", "INTRADAY", "BO")
_LONGEST_TAG = 19
_SHARE_FREEZE_INR = 5e7  # as the master writes it


def unfit(code: str = "AB1007") -> Refused:
    """Return the refusal of a request that does not fit; AB1007 stands for what has no code of its own."""
    return Refused(application_error(code, "AMX Error" if code == "AB1007" else ""))


def number(value: Any, code: str = "AB1007") -> float:
    """Return a number that may be written as text; nothing is 0.

    Raises
    ------
    Refused
        It is none, or not finite.
    """
    try:
        found = float(value or 0)
    except (TypeError, ValueError):
        raise unfit(code) from None
    if abs(found) > 1e12 or found != found:  # noqa: PLR0124 - NaN
        raise unfit(code)
    return found


def known_words(asked: Mapping[str, Any]) -> None:
    """Refuse an order whose words the broker does not know.

    Raises
    ------
    Refused
        By the broker's code for it.
    """
    for field, known, code in (
        ("variety", VARIETIES, "AB1008"),
        ("ordertype", KINDS, "AB1007"),
        ("producttype", PRODUCTS, "AB1012"),
        ("transactiontype", ("BUY", "SELL"), "AB1007"),
        ("duration", ("DAY", "IOC"), "AB1007"),
    ):
        if asked.get(field) not in known:
            raise unfit(code)
    if asked.get("variety") == "ROBO" or asked.get("producttype") == "BO":
        raise unfit("AB2002")
    kind_fits(str(asked.get("variety")), str(asked.get("ordertype")))
    if len(str(asked.get("ordertag") or "")) > _LONGEST_TAG:
        raise unfit("AB4008")


def kind_fits(variety: str, kind: str) -> None:
    """Refuse a stop order that is not called one, and the reverse; an after-market order may be either.

    Raises
    ------
    Refused
        AB1008.
    """
    if variety != "AMO" and kind.startswith("STOPLOSS") != (variety == "STOPLOSS"):
        raise unfit("AB1008")


def product(contract: ListedContract, name: str) -> None:
    """Refuse a product in which a contract cannot be held.

    Raises
    ------
    Refused
        AB1012.
    """
    fits = ("DELIVERY", "MARGIN", "INTRADAY") if contract.kind == "SHARE" else ("CARRYFORWARD", "INTRADAY")
    if name not in fits:
        raise unfit("AB1012")


def freeze_quantity(contract: ListedContract, now: datetime) -> int:
    """Return the most units of one order; 0: not known."""
    if contract.kind == "SHARE":
        return int(_SHARE_FREEZE_INR / contract.underlying.level)
    try:
        row = fact("freeze_quantities", now.date(), key=contract.name, underlying=contract.name)
        return int(row["units"])
    except DataError:
        return 0


def rejection(
    contract: ListedContract,
    quantity: int,
    prices: Mapping[str, float],
    limits: tuple[float, float],
    now: datetime,
) -> str:
    """Return why the exchange would reject an order, in its words; empty where it would not.

    Parameters
    ----------
    contract : ListedContract
        What is traded.
    quantity : int
        Units.
    prices : mapping
        Price and trigger, rupees; 0 where there is none.
    limits : tuple of float
        Between which prices it may trade, rupees.
    now : datetime
        The market's present.
    """
    if contract.is_index:
        return words("not_traded")
    if quantity % contract.lot:
        return words("lot", lot=contract.lot)
    most = freeze_quantity(contract, now)
    if most and quantity > most:
        return words("freeze", most=most)
    low, high = limits
    for name, price in prices.items():
        if price and abs(price / contract.tick - round(price / contract.tick)) > 1e-6:
            return words("tick", name=name, tick=contract.tick)
        if price and not low <= price <= high:
            return words("range", name=name, low=low, high=high)
    return ""


def takes_intraday(contract: ListedContract, now: datetime) -> bool:
    """Tell whether a contract trades and the day's INTRADAY positions have not been closed yet."""
    return is_trading(contract, now) and now < square_off(now.date(), contract.segment)


def is_trading(contract: ListedContract, now: datetime) -> bool:
    """Tell whether a contract is in continuous trading."""
    try:
        parts = session(now.date(), contract.segment).continuous
    except DataError:
        return False
    return any(part.open <= now < part.close for part in parts)
