"""What is held: legs, and a position of several of them that can be written as a line of text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import inf, isnan, nan
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from kit.arguments import real
from kit.clock import format_expiry, parse_day
from kit.errors import DataError
from kit.facts import table, underlying_name
from kit.model.instrument import Right

if TYPE_CHECKING:
    from kit.model.chain import ChainSnapshot

Held = Right | Literal["FUT", "INDEX"]
MOST_LOTS = 1_000_000  # a hundred times what any participant may hold; beyond it no amount is exact
_HELD = ("CE", "PE", "FUT", "INDEX")


@dataclass(frozen=True, slots=True)
class Leg:
    """One contract of a position: an option, a future or the index itself.

    Parameters
    ----------
    right : {"CE", "PE", "FUT", "INDEX"}
        Call, put, future or index.
    strike : float
        Rupees. A future and the index pay what a call of strike 0 pays, so their strike is 0.
    lots : int
        Positive bought, negative sold.
    price : float
        Entry price, rupees per unit; NaN: not known yet.
    expiry : date, optional
        Last trading day; None is that of the chain the leg is looked at on.

    Raises
    ------
    DataError
        It is no contract: another right, a strike or price below nothing, parts of lots, over a million.
    """

    right: Held
    strike: float
    lots: int
    price: float
    expiry: date | None = None

    def __post_init__(self) -> None:
        strike, price = self.strike, self.price
        if not (type(strike) is type(price) is float and type(self.lots) is int):
            fits = isinstance(self.lots, Integral) and isinstance(price, Real) and price is not True
            strike, price = (real(strike), real(price)) if fits else (nan, nan)
        if not (
            isinstance(self.right, str) and self.right in _HELD
            and 0 <= strike < inf and not price < 0 and price != inf and abs(self.lots) <= MOST_LOTS
            and (self.expiry is None or (isinstance(self.expiry, date) and str(self.expiry) != "NaT"))
        ):  # fmt: skip
            said = (self.right, self.strike, self.lots, self.price, self.expiry)
            raise DataError("No leg of a position", said, "Write for instance Leg('CE', 54900.0, -1, 312.5).")

    @property
    def is_option(self) -> bool:
        """Whether it is a call or a put: what has a premium."""
        return self.right in ("CE", "PE")


@dataclass(frozen=True, slots=True)
class Position(Sequence[Leg]):
    """Legs held together; accepted wherever a sequence of legs is.

    Parameters
    ----------
    legs : tuple of Leg
        At least one.
    underlying : str, default "BANKNIFTY"
        What all of them are written on.

    Raises
    ------
    DataError
        There are no legs, or one has no lots.
    """

    legs: tuple[Leg, ...]
    underlying: str = "BANKNIFTY"

    def __post_init__(self) -> None:
        try:
            empty = not self.legs or next((leg for leg in self.legs if not leg.lots), None)
        except (TypeError, ValueError, AttributeError) as error:
            remedy = "Write (Leg(...),), or parse a text."
            raise DataError("A position is a tuple of legs, not", self.legs, remedy) from error
        if empty is True:
            raise DataError(
                "A position needs at least one leg", self.legs, "Write for instance '-1 54900CE'."
            )
        if empty:
            raise DataError("A leg needs lots", _leg_text(empty), "Write +1 to buy a lot, -1 to sell one.")
        if self.underlying != "BANKNIFTY":
            object.__setattr__(self, "underlying", underlying_name(self.underlying))

    @classmethod
    def parse(cls, text: str, underlying: str = "BANKNIFTY") -> Position:
        """Read a position as an analyst writes it.

        Each leg is lots and contract: ``-1 54900CE``, ``+2 FUT``, ``+1 INDEX``; ``@312.5`` behind a contract
        is its entry price. An expiry holds for every leg since the one before it, so a text that ends with
        one is of that expiry throughout, and a calendar is
        ``-1 55000CE 29DEC2026 +1 55000CE 25MAR2027``. Without any expiry the legs are of the chain they are
        priced on. A name of an underlying may stand anywhere, once.

        Parameters
        ----------
        text : str
            As ``str`` of a position writes it.
        underlying : str, default "BANKNIFTY"
            What the legs are written on where the text does not say.

        Raises
        ------
        DataError
            A word is not understood, the last legs have no expiry where others have, or the text names two
            underlyings.
        """
        if not isinstance(text, str):
            raise DataError("A position is written as text, not", text, _HOW)
        legs, undated, names, lots = list[Leg](), 0, dict[str, None](), None
        for word in _words(text):
            if lots is not None:
                legs.append(_leg(lots, word, text))
                lots, undated = None, undated + 1
            elif re.fullmatch(r"[+-]?\d+", word):
                lots = int(word)
            elif re.fullmatch(r"[A-Z]+", word):
                names[word] = None
            else:
                expiry = _expiry(word, text)
                place = len(legs) - undated
                legs[place:] = [
                    leg if leg.right == "INDEX" else replace(leg, expiry=expiry) for leg in legs[place:]
                ]
                undated = 0
        _check_complete(text, legs, lots, undated)
        return cls(tuple(legs), _underlying([*names], underlying, text))

    def __str__(self) -> str:
        """Write the position as `parse` reads it."""
        parts = [] if self.underlying == "BANKNIFTY" else [self.underlying]
        for leg, after in zip(self.legs, (*self.legs[1:], None), strict=True):
            parts.append(_leg_text(leg))
            if leg.expiry and (after is None or after.expiry != leg.expiry):
                parts.append(format_expiry(leg.expiry))
        return " ".join(parts)

    @overload
    def __getitem__(self, place: int) -> Leg: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Leg, ...]: ...
    def __getitem__(self, place: int | slice) -> Leg | tuple[Leg, ...]:
        return self.legs[place]

    def __len__(self) -> int:
        return len(self.legs)

    def __iter__(self) -> Iterator[Leg]:
        return iter(self.legs)


_CONTRACT = re.compile(r"(?P<strike>\d+(?:\.\d+)?)?(?P<right>CE|PE|FUT|INDEX)(?:@(?P<price>\d+(?:\.\d+)?))?")
_HOW = "Write lots and contract, an expiry behind them: '-1 54900CE +1 55400CE 29DEC2026'."


def check_legs(legs: Sequence[Leg], chain: ChainSnapshot) -> None:
    """Refuse no legs, and a position on something else; plain legs are of whatever they are priced on.

    Raises
    ------
    DataError
        There are none, they are of another underlying than the chain, or their lots are not of one size.
    UnknownExpiry
        The chain of a leg's expiry is not at hand.
    """
    if not legs:
        raise DataError("A position needs at least one leg", tuple(legs), "Return legs from the strategy.")
    if isinstance(legs, Position) and legs.underlying != chain.underlying:
        raise DataError(f"On a chain of {chain.underlying} there is no", str(legs), "Take its chain.")
    for leg in legs:
        if leg.expiry and leg.right != "INDEX" and (size := chain.at(leg.expiry).lot_size) != chain.lot_size:
            sizes = f"{chain.lot_size} and {size} units"
            remedy = "A lot of one is no hedge of a lot of the other; take expiries of one size."
            raise DataError(f"The lots of the chain and of {format_expiry(leg.expiry)} differ", sizes, remedy)


def _words(text: str) -> list[str]:
    """Split a text into lots, contracts, dates and names; blanks inside a contract and commas are nothing."""
    plain = text.upper().replace(",", "").replace("−", "-")  # a minus sign as typeset
    plain = re.sub(r"([+-])\s+(?=\d)", r"\1", plain)
    return re.sub(r"(?<=\d)\s+(?=(?:CE|PE)\b)", "", plain).split()


def _underlying(names: list[str], otherwise: str, text: str) -> str:
    """Return what a text names; a word that is no underlying may be a side, "SELL", that must not be lost."""
    usual, known = underlying_name(otherwise), {row["underlying"] for row in table("lot_sizes")}
    name = underlying_name(" ".join(names) or otherwise)
    if len(names) > 1 and {underlying_name(word) for word in names} <= known:
        raise DataError("Legs of different underlyings are no position", sorted(names), "Name one.")
    if name not in known | {usual}:
        remedy = f"Write +1 to buy a lot, -1 to sell one; underlyings are {', '.join(sorted(known))}."
        raise DataError(f"Not understood in {text!r}", " ".join(names), remedy)
    return name


def _leg(lots: int, word: str, text: str) -> Leg:
    found = _CONTRACT.fullmatch(word)
    option = found is not None and found["right"] in ("CE", "PE")
    if found is None or option != bool(float(found["strike"] or 0)):
        raise DataError(f"Not a contract in {text!r}", word, _HOW)
    price = float(found["price"]) if found["price"] else nan
    right: Held = found["right"]  # type: ignore[assignment] # the pattern knows no other
    return Leg(right, float(found["strike"] or 0.0), lots, price)


def _expiry(word: str, text: str) -> date:
    try:
        return parse_day(word)
    except DataError as error:
        raise DataError(f"Not understood in {text!r}", word, _HOW) from error


def _check_complete(text: str, legs: Sequence[Leg], lots: int | None, undated: int) -> None:
    if lots is not None or not legs:
        raise DataError("The position ends before a contract", text, _HOW)
    behind = [leg for leg in legs[len(legs) - undated :] if leg.right != "INDEX"]
    if behind and any(leg.expiry for leg in legs):
        raise DataError(
            f"In {text!r} some legs have an expiry, but not the last",
            _leg_text(behind[0]),
            "Add theirs behind.",
        )


def _leg_text(leg: Leg) -> str:
    contract = f"{leg.strike:.12g}{leg.right}" if leg.is_option else leg.right
    # the fewest digits that read back as the same number: a mid may lie between two ticks
    price = "" if isnan(leg.price) else f"@{np.format_float_positional(leg.price, trim='-')}"
    return f"{leg.lots:+d} {contract}{price}"
