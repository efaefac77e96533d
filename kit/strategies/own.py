"""A position of your own as a strategy: the same legs on whatever chain it meets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kit.model import ChainSnapshot, Leg, Position
from kit.strategies.base import Strategy


@dataclass(frozen=True)
class OwnLegs(Strategy):
    """Legs written as text, entered at the chain's prices.

    Parameters
    ----------
    text : str
        As `kit.model.Position.parse` reads it.

    Raises
    ------
    DataError
        The text is no position.
    """

    text: str

    def __post_init__(self) -> None:
        super().__post_init__()
        Position.parse(self.text)

    def legs(self, snapshot: ChainSnapshot) -> tuple[Leg, ...]:
        """Return the legs at this chain's prices."""
        written = Position.parse(self.text, snapshot.underlying)
        legs = tuple(replace(leg, lots=leg.lots * self.lots) for leg in written)
        return snapshot.priced(replace(written, legs=legs)).legs
