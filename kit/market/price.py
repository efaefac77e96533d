"""A price that knows where it came from."""

from __future__ import annotations

from typing import Any, Self

from kit.broker.shapes import Record, Reply
from kit.chains.quotes import last_price
from kit.errors import ProtocolError
from kit.model import Source


class Price(float):
    """Rupees, with the tier that answered and the age; otherwise a float like any other.

    Parameters
    ----------
    value : float
        Rupees.
    source : {"hot", "sqlite", "network", "stream", "file", "stale"}
        Which tier answered; ``"stale"``: past its lifetime, because the network failed.
    age_s : float
        Seconds since the broker said it.
    kept_since : float
        Monotonic seconds at which `age_s` was true.
    """

    source: Source
    age_s: float
    _kept_since: float

    def __new__(  # noqa: D102 (the class docstring documents it)
        cls, value: float, source: Source, age_s: float, kept_since: float = 0.0
    ) -> Self:
        price = super().__new__(cls, value)
        price.source, price.age_s, price._kept_since = source, age_s, kept_since
        return price

    def __getnewargs__(self) -> tuple[Any, ...]:
        return float(self), self.source, self.age_s, self._kept_since

    def __repr__(self) -> str:
        return f"{float(self):,.2f} ({self.source}, {self.age_s:.1f} s old)"

    @classmethod
    def of(cls, reply: Reply[Record], now_s: float) -> Self:
        """Return the ``ltp`` of a broker's record.

        Raises
        ------
        ProtocolError
            It holds no price that can be.
        """
        if "ltp" not in reply.data:
            raise ProtocolError("The reply holds no price", "ltp", "Try again; else report it.")
        return cls(last_price(reply.data), reply.source, reply.age_s, now_s)

    def later(self, now_s: float) -> Self:
        """Return the same price as found in process at a later monotonic time."""
        return type(self)(float(self), "hot", self.age_s + now_s - self._kept_since, now_s)
