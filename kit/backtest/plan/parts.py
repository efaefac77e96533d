"""The small parts of a plan: moments, amounts, strikes, trails and re-entries, limits in rupees, fills."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from kit.backtest.plan.strategy import StrategyStrike
from kit.errors import SettingsError
from kit.section import Section

Side = Literal["buy", "sell"]
Fill = Literal["level", "bar_close", "next_open", "extreme"]
AtBar = Literal["bar_close", "next_open"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _minute(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\d:\d\d", value):
        value = f"0{value}"
    found = time.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(found, time) or found.second or found.microsecond or found.tzinfo:
        raise ValueError("a moment is a whole minute of the day in Asia/Kolkata, like 09:20")
    return found


Moment = Annotated[time, BeforeValidator(_minute), PlainSerializer(lambda at: f"{at:%H:%M}")]


class OneOf(Section):
    """A part of a plan that is given by exactly one of its fields."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = list(self.given)
        if len(given) != 1:
            known = ", ".join(type(self).model_fields)
            what = f"{type(self).__name__} takes exactly one of {known}"
            raise SettingsError(what, given or None, "Give just one of them.")
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The field that is given, and its value."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}

    @property
    def kind(self) -> str:
        """The name of the field that is given."""
        return next(iter(self.given))

    @property
    def value(self) -> Any:
        """The value of the field that is given."""
        return next(iter(self.given.values()))


Move = Annotated[float, Field(ge=-1_000_000, le=1_000_000)]
Distance = Annotated[float, Field(gt=0, le=1_000_000)]


class Amount(OneOf):
    """How far a price goes: percent of it, or points; more than 0."""

    percent: Distance | None = Field(None, description="percent of the price")
    points: Distance | None = Field(None, description="rupees per unit")


class SignedAmount(OneOf):
    """How far and which way a price goes: negative is down."""

    percent: Move | None = Field(None, description="percent of the price")
    points: Move | None = Field(None, description="rupees per unit")

    @model_validator(mode="after")
    def _moves(self) -> Self:
        if self.value == 0:
            raise SettingsError("A move cannot be 0", self.given, "Give its size and direction, or no rule.")
        return self


class StrikeRule(OneOf):
    """Which strike a leg takes; positive steps, points and percents go out of the money."""

    steps: int | None = Field(None, ge=-1000, le=1000, description="listed strikes away from the money")
    points: Finite | None = Field(None, description="rupees away from the strike at the money")
    percent: Finite | None = Field(None, description="percent of the index away from it")
    delta: Annotated[float, Field(gt=0, lt=1)] | None = Field(None, description="nearest absolute delta")
    premium: Positive | None = Field(None, description="nearest price, rupees per unit")
    premium_at_least: Positive | None = Field(None, description="nearest price not below, rupees per unit")
    premium_at_most: Positive | None = Field(None, description="nearest price not above, rupees per unit")
    premium_between: tuple[Positive, Positive] | None = Field(None, description="range of price, rupees")
    straddles: Finite | None = Field(None, description="prices of the straddle away from the money")
    listed: Annotated[float, Field(gt=0, le=1_000_000, multiple_of=1)] | None = Field(
        None, description="this very strike, rupees"
    )
    leg_of: StrategyStrike | None = Field(None, description="what a strategy takes for one of its legs")

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if self.premium_between and self.premium_between[0] > self.premium_between[1]:
            raise SettingsError("A range goes from low to high", self.premium_between, "Swap its ends.")
        return self

    def __str__(self) -> str:
        return str(self.value) if self.leg_of else f"{self.kind} {self.value}"


class ByDays(Section):
    """The listed expiry nearest to so many calendar days away, the earlier of two equally near."""

    days: int = Field(ge=0, description="calendar days to the expiry")


ExpiryRule = Literal["nearest", "next", "monthly"] | ByDays


class Trail(Section):
    """How a stop follows a price that moves in our favour."""

    kind: Literal["stepped", "distance"] = Field("stepped", description="in steps, or at a distance")
    every: Amount | None = Field(None, description="stepped: the gain that moves the stop once")
    move: Amount | None = Field(None, description="stepped: how far the stop moves each time")
    percent: Distance | None = Field(None, description="distance: percent of the best price")
    points: Distance | None = Field(None, description="distance: rupees from the best price")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        apart = [name for name in ("percent", "points") if getattr(self, name)]
        steps = [name for name in ("every", "move") if getattr(self, name)]
        if self.kind == "stepped" and (len(steps) < 2 or apart):
            raise SettingsError("A stepped trail needs every and move", steps + apart, "Give just those two.")
        if self.kind == "distance" and (len(apart) != 1 or steps):
            raise SettingsError("A trail at a distance needs percent or points", apart + steps, "Give one.")
        return self


class Reentry(Section):
    """Whether and how a leg is taken again after it went out."""

    after: Literal["stop", "target"] = Field("stop", description="which exit is followed by an entry")
    kind: Literal["asap", "cost", "momentum"] = Field("asap", description="at once, at cost, or after a move")
    times: int = Field(1, ge=1, le=20, description="how often")
    move: SignedAmount | None = Field(None, description="momentum: how far the new contract must move first")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.kind == "momentum") != (self.move is not None):
            raise SettingsError("Momentum, and nothing else, needs a move", self.kind, "Add or drop move.")
        return self


class Lock(Section):
    """A profit that is kept once it was reached; rupees of the whole position."""

    at_inr: Positive = Field(description="profit that locks, rupees")
    keep_inr: Finite = Field(description="profit that is kept from then on, rupees")
    every_inr: Positive | None = Field(None, description="every further gain of this many rupees")
    move_inr: Positive | None = Field(None, description="raises what is kept by this many rupees")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.keep_inr >= self.at_inr:
            raise SettingsError("What is kept is less than what locks", self.keep_inr, "Lower keep_inr.")
        if (self.every_inr is None) != (self.move_inr is None):
            raise SettingsError("every_inr and move_inr go together", None, "Give both or neither.")
        return self


class RupeeTrail(Section):
    """An overall stop that rises with the profit."""

    every_inr: Positive = Field(description="every gain of this many rupees")
    move_inr: Positive = Field(description="raises the overall stop by this many rupees")


class Overall(Section):
    """Limits on the rupees of the whole position, judged at the close of every bar."""

    stop_inr: Positive | None = Field(None, description="loss at which all legs leave, rupees")
    target_inr: Positive | None = Field(None, description="profit at which all legs leave, rupees")
    trail: RupeeTrail | None = Field(None, description="how the stop rises")
    lock: Lock | None = Field(None, description="profit that is kept")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.trail and self.stop_inr is None:
            raise SettingsError("An overall trail moves a stop", None, "Give stop_inr too.")
        return self


class Slippage(OneOf):
    """How much worse than its level a fill is."""

    ticks: Distance | None = Field(None, description="ticks of 0.05 rupees")
    percent: Distance | None = Field(None, description="percent of the price")
    bar_range: Distance | None = Field(None, description="fraction of the bar's range")
    sqrt_lots: Distance | None = Field(None, description="percent of the price, times the root of the lots")


class QuoteFills(Section):
    """How an order meets a quote; bars have none, so a backtest does not ask."""

    model: Literal["touch", "mid", "through"] = Field(
        "touch", description="at the touch with its size, at the mid by chance, or when trades go through"
    )
    chance: float = Field(0.5, ge=0, le=1, description="mid: of being filled there at each quote")
    seed: int = Field(0, description="mid: of the chance; the same quotes then give the same fills")
    ahead: float = Field(
        1.0, ge=0, allow_inf_nan=False, description="assumed ahead in the queue, as a share of what waits"
    )


class FillRules(Section):
    """At which price each order is filled: by the bar of a backtest, by the quote of a paper account."""

    entry: AtBar = Field("bar_close", description="close of the bar before the moment, or the next open")
    exit: AtBar = Field("bar_close", description="close of the bar before the moment, or the next open")
    stop: Fill = Field("level", description="fill of stops and trails")
    target: Fill = Field("level", description="fill of targets")
    same_bar: Literal["nearer_first", "stop_first", "target_first"] = Field(
        "nearer_first", description="which comes first when one bar reaches stop and target"
    )
    slippage: Slippage | None = Field(None, description="worse than that, always against us")
    quotes: QuoteFills | None = Field(
        None, description="paper trading: by quotes; none: a plan's orders by the bars, others at the touch"
    )


class Within(Section):
    """From and to, both included."""

    at_least: Finite | None = Field(None, description="not less")
    at_most: Finite | None = Field(None, description="not more")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if None not in (self.at_least, self.at_most) and not self.admits(self.at_most or 0.0):
            raise SettingsError("No number lies between", (self.at_least, self.at_most), "Swap them.")
        return self

    def admits(self, number: float) -> bool:
        """Tell whether a number lies within; NaN does not."""
        low = -float("inf") if self.at_least is None else self.at_least
        return low <= number <= (float("inf") if self.at_most is None else self.at_most)


class DayFilter(Section):
    """On which sessions the plan trades."""

    weekdays: tuple[Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], ...] | None = Field(
        None, description="only on these"
    )
    days_to_expiry: Within | None = Field(None, description="calendar days to the nearest expiry")
    dates: tuple[date, ...] | None = Field(None, description="only on these dates")
    without: tuple[date, ...] = Field((), description="never on these dates")
    vix: Within | None = Field(None, description="India VIX known before the open, percent")
    iv_rank: Within | None = Field(None, description="rank of volatility known before the open, percent")


PythonRule = Callable[..., bool]
