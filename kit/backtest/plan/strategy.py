"""Strategies of `kit.strategies` as a plan's legs, and as the plan's YAML.

A leg of a strategy takes the strike that the strategy takes for it on the chain of the entry's bar. Its side,
right and lots are those that the strategy has on any chain, so they stand in the plan.
"""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer

from kit.backtest.plan.minute_chain import ordinary_chain
from kit.errors import DataError, SettingsError
from kit.model import Leg
from kit.section import Section
from kit.strategies import FAMILIES, OwnLegs
from kit.strategies.base import Strategy, words
from kit.strategies.strikes import Delta, Distance, Offset, Percent, Premium, Width

_PICKS: dict[str, Any] = {
    "steps": Offset,
    "points": Distance,
    "percent": Percent,
    "delta": Delta,
    "straddles": Width,
    "premium": Premium,
    "premium_at_least": lambda rupees: Premium(rupees, "at_least"),
    "premium_at_most": lambda rupees: Premium(rupees, "at_most"),
}
_RULES = ("expiry", "stop", "target", "trail", "wait", "on", "reentry")


@cache
def _known() -> dict[str, type[Strategy]]:
    return {words(kind.__name__, "_"): kind for kind in (*FAMILIES, OwnLegs)}


def _read(value: Any) -> Any:
    """Return the strategy of a name, or of a mapping of its name and parameters."""
    if isinstance(value, Strategy):
        return value
    told = dict(value) if isinstance(value, dict) else {"name": value}
    name = str(told.pop("name", None))
    kind = _known().get(name)
    if kind is None:
        close = get_close_matches(name, _known(), n=1, cutoff=0.0)[0]
        raise SettingsError("There is no strategy of this name", name, f"Did you mean {close!r}?")
    takes = [part.name for part in fields(kind)]
    if unknown := [key for key in told if key not in takes]:
        raise SettingsError(f"{name} has no such parameter", unknown, f"It takes {', '.join(takes)}.")
    try:
        return kind(**{key: _pick(given) for key, given in told.items()})
    except TypeError as error:
        raise SettingsError(f"{name} cannot be made", told or None, f"{error}.") from error


def _pick(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    if len(given) != 1 or next(iter(given)) not in _PICKS:
        raise SettingsError("Not a way to choose a strike", given, f"Give one of {', '.join(_PICKS)}.")
    ((kind, amount),) = given.items()
    return _PICKS[kind](amount)


def as_values(strategy: Strategy) -> Any:
    """Return a strategy as a mapping that YAML can hold; one that has no such form is returned as it is."""
    if type(strategy) is not _known().get(strategy.name):
        return strategy
    values: dict[str, Any] = {"name": strategy.name}
    for part in fields(strategy):
        value = getattr(strategy, part.name)
        if value != part.default:
            values[part.name] = value if isinstance(value, int | float | str) else _told(value)
    return strategy if None in values.values() else values


def _told(pick: Any) -> dict[str, Any] | None:
    if isinstance(pick, Premium):
        return {"premium" if pick.bound == "nearest" else f"premium_{pick.bound}": pick.rupees}
    kinds = (kind for kind, made in _PICKS.items() if made is type(pick))
    return next(({kind: getattr(pick, fields(pick)[0].name)} for kind in kinds), None)


class StrategyStrike(Section):
    """The strike that a strategy takes for one of its legs."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    strategy: Annotated[Strategy, BeforeValidator(_read), PlainSerializer(as_values)] = Field(
        description="a name, a name with parameters, or an object of kit.strategies or your own"
    )
    leg: int = Field(ge=1, description="which of its legs, from 1")

    def __str__(self) -> str:
        return f"leg {self.leg} of {self.strategy.name}"


def expanded(legs: Any) -> Any:
    """Return a plan's legs as a list, where a strategy and what all its legs have stands for them.

    Raises
    ------
    SettingsError
        As of `legs_of`, or a mapping names no strategy.
    """
    if isinstance(legs, Strategy | str):
        return legs_of(legs, {})
    if not isinstance(legs, dict):
        return legs
    if "strategy" not in legs:
        raise SettingsError("Legs are a list, or those of a strategy", sorted(legs), "Name a strategy.")
    return legs_of(legs["strategy"], {key: rule for key, rule in legs.items() if key != "strategy"})


def legs_of(strategy: Any, rules: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields of a plan's legs for a strategy; each has the same rules.

    Parameters
    ----------
    strategy : Strategy, str or dict
        An object, a name, or a name with parameters.
    rules : dict
        What every leg has beside it: stop, target, trail, wait, reentry, expiry.

    Raises
    ------
    SettingsError
        There is no such strategy, it holds the future, spans more than two expiries, or finds no legs on an
        ordinary chain; or a rule is none.
    """
    found = _read(strategy)
    if unknown := [key for key in rules if key not in _RULES]:
        raise SettingsError("No rule for all legs of a strategy", unknown, f"It may be {', '.join(_RULES)}.")
    structure = structure_of(found)
    if len({later for _, _, later in structure}) > 1:
        if rules.get("expiry", "nearest") != "nearest":
            raise SettingsError("A calendar begins at the nearest expiry", rules["expiry"], "Drop expiry.")
        rules = {key: rule for key, rule in rules.items() if key != "expiry"}
    return [
        {
            "side": "buy" if lots > 0 else "sell",
            "right": right,
            "lots": abs(lots),
            **({"expiry": "next"} if later else {}),
            "strike": {"leg_of": {"strategy": found, "leg": number}},
            **rules,
        }
        for number, (right, lots, later) in enumerate(structure, start=1)
    ]


@cache
def structure_of(strategy: Strategy) -> tuple[tuple[str, int, bool], ...]:
    """Return right, lots and whether it is of the later expiry for each leg, as on an ordinary chain."""
    near = ordinary_chain()
    try:
        legs = strategy.legs(near)
    except DataError as error:
        raise SettingsError(f"{strategy.name} has no legs", error.value, f"{error.remedy}") from error
    if futures := [leg.right for leg in legs if not leg.is_option]:
        raise SettingsError("A backtest trades options alone", futures, "Choose a strategy without them.")
    return tuple((leg.right, leg.lots, is_later(leg, near.expiries)) for leg in legs)


def is_later(leg: Leg, expiries: list[Any]) -> bool:
    """Tell whether a leg is of the second of some expiries, not of the first.

    Raises
    ------
    SettingsError
        It is of a third one.
    """
    place = expiries.index(leg.expiry) if leg.expiry else 0
    if place > 1:
        raise SettingsError("A plan's strategy spans two expiries", place + 1, "Choose an earlier one.")
    return place == 1
