"""A plan: what is traded when, and by which rules it ends; frozen, validated, the same thing as its YAML."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, Field, model_validator

from kit.backtest.plan.parts import (
    Amount,
    DayFilter,
    ExpiryRule,
    FillRules,
    Moment,
    Overall,
    Positive,
    PythonRule,
    Reentry,
    Side,
    SignedAmount,
    StrikeRule,
    Trail,
)
from kit.backtest.plan.strategy import as_values, expanded, legs_of
from kit.errors import SettingsError
from kit.facts import underlying_name
from kit.model import Right
from kit.model.position import MOST_LOTS
from kit.section import Section
from kit.settings_file import read_once
from kit.strategies.base import Strategy


class PlanLeg(Section):
    """One leg of a plan: which contract, how many, and by which rules it goes out and comes back."""

    side: Side = Field(description="bought or sold")
    right: Right = Field(description="call or put")
    lots: int = Field(1, ge=1, le=MOST_LOTS, description="lots")
    expiry: ExpiryRule = Field("nearest", description="nearest, next, monthly, or by days")
    strike: StrikeRule | Callable[..., float] = Field(description="which strike; a function of a moment too")
    stop: Amount | PythonRule | None = Field(None, description="loss that closes the leg; a function too")
    target: Amount | PythonRule | None = Field(None, description="gain that closes the leg; a function too")
    trail: Trail | None = Field(None, description="how the stop follows")
    wait: SignedAmount | None = Field(None, description="the chosen contract must move first")
    on: Literal["up", "down"] | None = Field(None, description="enter only on a break in this direction")
    reentry: tuple[Reentry, ...] = Field((), description="entries after a stop, after a target")

    @model_validator(mode="before")
    @classmethod
    def _one_reentry(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("reentry"), dict | Reentry):
            return {**values, "reentry": (values["reentry"],)}
        return values

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.trail and self.trail.kind == "stepped" and not isinstance(self.stop, Amount):
            raise SettingsError("A stepped trail moves a stop", None, "Give the leg a stop too.")
        gain = self.target if self.side == "sell" else self.stop
        if isinstance(gain, Amount) and (gain.percent or 0) >= 100:
            raise SettingsError("A price cannot fall by this many percent", gain.percent, "Stay below 100.")
        if len({rule.after for rule in self.reentry}) < len(self.reentry):
            raise SettingsError(
                "Two re-entries follow the same exit", len(self.reentry), "Give each its own."
            )
        return self


class Breakout(Section):
    """Enter when the index leaves the range it had from one moment to another."""

    range: tuple[Moment, Moment] = Field(description="from the first moment to the second")
    sides: Literal["first", "both"] = Field("first", description="only the first break, or either")


class PlanEntry(Section):
    """When a position is entered: at a moment, or from then on when a signal comes."""

    at: Moment = Field(description="moment of the entry, or from which a signal counts")
    until: Moment | None = Field(None, description="last moment at which a signal counts")
    breakout: Breakout | None = Field(None, description="the index leaves a range")
    momentum: SignedAmount | None = Field(
        None, description="the index moves from its first level from then on"
    )
    signal: str | PythonRule | None = Field(None, description="a column by name; a function of a moment too")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = [name for name in ("breakout", "momentum", "signal") if getattr(self, name) is not None]
        if len(given) > 1:
            raise SettingsError("An entry waits for one signal", given, "Give just one.")
        if self.until and (not given or self.until <= self.at):
            raise SettingsError("until ends the wait for a signal after at", str(self.until), "Correct it.")
        if self.breakout and not self.breakout.range[0] < self.breakout.range[1] <= self.at:
            found = [f"{moment:%H:%M}" for moment in self.breakout.range]
            raise SettingsError("The range ends before the entry", found, "Let it end by entry.at.")
        return self

    @property
    def has_signal(self) -> bool:
        """Whether the entry waits for a signal."""
        return any(rule is not None for rule in (self.breakout, self.momentum, self.signal))


class PlanExit(Section):
    """When what is still open leaves."""

    at: Moment = Field(description="moment of the exit; after the close: at the close, or by settlement")
    after_days: int = Field(0, ge=0, le=60, description="so many sessions after the entry")
    days_to_expiry: int | None = Field(
        None, ge=0, description="or on the first session with at most so many days left to the first expiry"
    )
    when: PythonRule | None = Field(None, description="a function of a moment that ends the position")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.after_days and self.days_to_expiry is not None:
            raise SettingsError(
                "Two rules name the day of the exit", None, "Keep after_days or days_to_expiry."
            )
        return self


class Adjustment(Section):
    """All legs leave and are taken anew when the position's delta has drifted."""

    net_delta: Positive = Field(description="absolute delta of the position, in units of one lot of one leg")
    times: int = Field(3, ge=1, le=20, description="how often in one position")
    every: int = Field(1, ge=1, description="looked at every so many minutes")


class Sizing(Section):
    """How many times the legs are traded: as often as the capital carries their margin."""

    margin_inr: Positive = Field(description="margin that the legs need once, rupees")


class Plan(Section):
    """What is traded when, and by which rules it ends."""

    name: str = Field("plan", min_length=1, description="shown in logs and reports")
    underlying: Annotated[str, AfterValidator(underlying_name)] = Field(
        "BANKNIFTY", description="index whose options are traded"
    )
    days: DayFilter = Field(DayFilter(), description="on which sessions")
    entry: PlanEntry = Field(description="when it is entered")
    exit: PlanExit = Field(description="when it ends")
    square_off: Literal["partial", "complete"] = Field(
        "partial", description="legs go alone, or all together"
    )
    legs: tuple[PlanLeg, ...] = Field(min_length=1, max_length=12, description="what is traded")
    break_even: Literal["none", "all", "in_profit"] = Field(
        "none", description="whose stops move to their entry price when another leg's stop is hit"
    )
    overall: Overall = Field(Overall(), description="limits on the rupees of the position")
    adjust: Adjustment | None = Field(None, description="roll when the delta drifts")
    fills: FillRules = Field(FillRules(), description="at which prices")
    money: Literal["spot", "synthetic"] = Field("spot", description="what strikes are counted from")
    charges: bool = Field(True, description="count brokerage, taxes and exchange charges")
    capital_inr: Positive = Field(1_000_000, description="what returns are counted on, rupees")
    sizing: Sizing | None = Field(None, description="by capital and margin; none: the lots of the legs")

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = {key: value for key, value in values.items() if value is not None}  # an empty key of the YAML
        return given | ({"legs": expanded(given["legs"])} if "legs" in given else {})

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.holds_overnight and self.exit.at <= self.entry.at:
            times = f"{self.entry.at:%H:%M} to {self.exit.at:%H:%M}"
            raise SettingsError("The exit comes before the entry", times, "Exit later, or after_days later.")
        if self.sizing and self.sizing.margin_inr > self.capital_inr:
            need = self.sizing.margin_inr, self.capital_inr
            raise SettingsError("The capital does not cover the legs once", need, "Raise capital_inr.")
        if any(leg.on for leg in self.legs) and not (self.entry.breakout or self.entry.momentum):
            raise SettingsError("A leg waits for a break that nothing gives", None, "Give entry.breakout.")
        return self

    @property
    def holds_overnight(self) -> bool:
        """Whether a position may be open over more than one session."""
        return self.exit.after_days > 0 or self.exit.days_to_expiry is not None

    @classmethod
    def of(cls, strategy: Strategy | str | dict[str, Any], **rules: Any) -> Self:
        """Return a plan with the legs of a strategy of `kit.strategies`, entered at 09:20 and out at 15:15.

        Parameters
        ----------
        strategy : Strategy, str or dict
            An object, a name, or a name with parameters: ``{"name": "iron_condor", "width": 300}``.
        **rules
            Fields of the plan, and of every leg: ``stop, target, trail, wait, reentry, expiry``.

        Raises
        ------
        SettingsError
            As of `kit.backtest.plan.strategy.legs_of`, or a rule does not fit.
        """
        legs = {"strategy": strategy} | {key: rules[key] for key in rules if key not in cls.model_fields}
        name = strategy.get("name", "plan") if isinstance(strategy, dict) else strategy
        defaults = {"name": getattr(name, "name", name), "entry": {"at": "09:20"}, "exit": {"at": "15:15"}}
        return cls(**{**defaults, **{k: v for k, v in rules.items() if k in cls.model_fields}, "legs": legs})

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read a plan; a SettingsError says that the text is no YAML, or which key or value does not fit."""
        try:
            values = read_once(text, "The plan")
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"Look at line {mark.line + 1}." if mark else "Write it as keys and values."
            raise SettingsError("The plan is not YAML", text[:40], where) from error
        if not isinstance(values, dict):
            raise SettingsError("A plan is written as keys and values", text[:40], "See docs/backtest.md.")
        return cls(**{str(key): value for key, value in values.items()})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a plan from a file.

        Raises
        ------
        SettingsError
            There is no such file, or it holds no plan.
        """
        file = Path(path)
        if not file.is_file():
            raise SettingsError("There is no plan here", str(file), "Check the path.")
        try:
            return cls.from_yaml(file.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise SettingsError("The plan is not text", str(file), "Write it as UTF-8.") from error

    def to_yaml(self) -> str:
        """Write the plan as it was given; what was not given has its default.

        Raises
        ------
        SettingsError
            A rule is a Python function.
        """
        rules = [*self.python_rules, *_unwritten(self.legs)]
        functions = sorted({getattr(rule, "__name__", type(rule).__name__) for rule in rules})
        if functions:
            raise SettingsError("A Python rule cannot be written as YAML", functions, "Keep it in Python.")
        values = self.model_dump(mode="json", exclude_unset=True)
        values["legs"] = _together(values["legs"])
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)

    @property
    def python_rules(self) -> list[Callable[..., Any]]:
        """The rules that are Python functions."""
        rules: list[Any] = [self.exit.when, self.entry.signal]
        rules += [rule for leg in self.legs for rule in (leg.strike, leg.stop, leg.target)]
        return [rule for rule in rules if callable(rule)]

    @property
    def position_rules(self) -> list[Callable[..., Any]]:
        """The Python functions that are asked while a position is open; only the plain engine can."""
        rules: list[Any] = [self.exit.when, *(rule for leg in self.legs for rule in (leg.stop, leg.target))]
        return [rule for rule in rules if callable(rule)]

    def but(self, **changes: Any) -> Self:
        """Return the plan with some fields changed, checked again.

        Parameters
        ----------
        **changes
            Fields of the plan; a part may be given as a dict.
        """
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{**values, **changes})


def _unwritten(legs: tuple[PlanLeg, ...]) -> list[Strategy]:
    """Return the strategies that have no form in YAML: of a class or with a way to choose of your own."""
    rules = [leg.strike.leg_of for leg in legs if isinstance(leg.strike, StrikeRule)]
    return [rule.strategy for rule in rules if rule and as_values(rule.strategy) is rule.strategy]


def _together(legs: list[dict[str, Any]]) -> Any:
    """Return a strategy's legs by its name where they are all of them, with the same rules."""
    rules = {key: value for key, value in legs[0].items() if key not in ("side", "right", "lots", "strike")}
    told = legs[0]["strike"].get("leg_of", {}).get("strategy")
    if told and [PlanLeg(**leg) for leg in legs_of(told, rules)] == [PlanLeg(**leg) for leg in legs]:
        return {"strategy": told, **rules}
    return legs
