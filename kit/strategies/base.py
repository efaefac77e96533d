"""What a strategy is: a frozen dataclass whose fields are the parameters and whose `legs` is the idea.

A strategy is pure (the same chain gives the same legs), hashable and picklable, so that it can be a key,
be remembered and be sent to a worker. Writing your own takes one class, see ``docs/strategies.md``.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from math import inf
from typing import ClassVar

from kit.arguments import fields_checked, real
from kit.errors import SettingsError
from kit.model import ChainSnapshot, Leg


@dataclass(frozen=True)
class Strategy(ABC):
    """Base of every strategy.

    Parameters
    ----------
    lots : int, default 1
        Size of the whole position, in lots; by keyword only.

    Raises
    ------
    SettingsError
        A parameter makes no position; names it, its value and the remedy.
    """

    positive: ClassVar[tuple[str, ...]] = ()  # the parameters, beside `lots`, that must be above zero
    lots: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        fields_checked(self)
        for parameter in ("lots", *self.positive):
            require_positive(self, parameter)

    @property
    def name(self) -> str:
        """The class name in words: ``iron_condor``."""
        return words(type(self).__name__, "_")

    def __call__(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the legs: a strategy may stand wherever a function of a chain is asked for."""
        return self.legs(snapshot)

    @abstractmethod
    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the positions this idea takes on a chain.

        Parameters
        ----------
        snapshot : ChainSnapshot
            One expiry at one moment.

        Returns
        -------
        tuple of Leg
            Positive lots are bought, negative lots are sold.

        Raises
        ------
        DataError
            The chain lacks a strike or a price that the idea needs.
        """


def require_positive(strategy: Strategy, parameter: str) -> None:
    """Check that a parameter is a finite number above zero.

    Raises
    ------
    SettingsError
        It is not; names the strategy, the parameter and its value.
    """
    value = getattr(strategy, parameter)
    if not 0 < real(value) < inf:
        raise SettingsError(
            f"{type(strategy).__name__} needs a positive {parameter}",
            value,
            f"Give {parameter} more than 0; buying or selling is chosen by the class, not by a sign.",
        )


def words(name: str, between: str = " ") -> str:
    """Write a class name as words in lower case: ``IronCondor`` becomes ``iron condor``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", between, name).lower()
