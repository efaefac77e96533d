"""What the panels of one page share: the desk, the chains, the expiry and the idea chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import traitlets as t

from kit.clock import IST
from kit.errors import DataError, UnknownExpiry
from kit.model import ChainSnapshot, Position, Venue
from kit.strategies import CALENDARS, OwnLegs
from kit.strategies.base import Strategy

if TYPE_CHECKING:
    from kit.desk import Desk
    from kit.market.live import LiveChain


CLOSED, REOPEN = "The desk is closed", "Open one with open_desk() and make the panel again."


class Context(t.HasTraits):
    """Shared by every panel that is given the same one.

    Parameters
    ----------
    desk : Desk, optional
        Asks for chains on demand; without one only the given chains are there.
    chains : sequence of ChainSnapshot
        What is there already.
    underlying : str, default "BANKNIFTY"
        Whose expiries the desk is asked for.

    Attributes
    ----------
    chain : ChainSnapshot
        The chosen expiry's; panels observe it, and a refresh replaces it.
    idea : Strategy, Position or None
        What was chosen last in a panel; payoff, position builder and ranking follow.
    opened : int
        How often an idea was sent to the position builder by `open`; a page brings it to the front.
    numbers : str
        How tables write numbers, see `kit.widgets.frame.grid.NUMBERS`.
    """

    chain = t.Any()
    idea = t.Any(None)
    opened = t.Int(0)
    numbers = t.Unicode("plain")

    def __init__(
        self,
        desk: Desk | None = None,
        chains: Sequence[ChainSnapshot] = (),
        underlying: str = "BANKNIFTY",
    ) -> None:
        super().__init__()
        self.desk = desk
        self.underlying = chains[0].underlying if chains else underlying
        self._chains = {chain.expiry: chain for chain in chains}
        self.expiries = [*self._chains] if chains else self._listed()
        self.chain = self.of(self.expiries[0])
        self._spanned: tuple[list[ChainSnapshot], ChainSnapshot] = [self.chain], self.chain

    @classmethod
    def around(cls, source: Any) -> Self:
        """Return the context that a panel was given, or one around a desk, a chain or several chains."""
        if isinstance(source, cls):
            return source
        if isinstance(source, ChainSnapshot):
            return cls(chains=(source,))
        return cls(source) if hasattr(source, "data") else cls(chains=tuple(source))

    @property
    def venue(self) -> Venue:
        """Whose prices are shown."""
        found: Venue = self.chain.venue
        return found

    @property
    def can_refresh(self) -> bool:
        """Whether there is a desk to ask, and it is open."""
        return self.desk is not None and not self.desk.is_closed

    def check_open(self) -> None:
        """Refuse what needs the desk once it is closed.

        Raises
        ------
        DataError
            There is a desk, and it is closed.
        """
        if self.desk is not None and self.desk.is_closed:
            raise DataError(CLOSED, None, REOPEN)

    @property
    def age(self) -> timedelta | None:
        """How old the prices are by their exchange's clock; None for a simulated one that is not at hand."""
        if self.desk is None and self.venue == "simulated":
            return None
        now = self.desk.clock.now() if self.desk else datetime.now(IST)
        found: timedelta = now - self.chain.taken_at
        return found

    def of(self, expiry: date) -> ChainSnapshot:
        """Return the chain of an expiry, asked for when it is not there.

        Raises
        ------
        UnknownExpiry
            It is not there and cannot be asked for.
        DataError
            It is not there and the desk is closed.
        """
        if expiry not in self._chains:
            self.check_open()
            if self.desk is None:
                remedy = "Give the panel a desk, or a chain of this expiry."
                raise UnknownExpiry("No chain of this expiry is loaded", str(expiry), remedy)
            self._chains[expiry] = self.desk.data.option_chain(self.underlying, expiry)
        return self._chains[expiry]

    def choose(self, expiry: date) -> None:
        """Make the chain of an expiry the shown one."""
        self.chain = self.of(expiry)

    def open(self, idea: Strategy | Position) -> None:
        """Choose an idea and bring it up in the position builder."""
        self.idea = idea
        self.opened += 1

    def spanning(self, expiries: Iterable[date | None]) -> ChainSnapshot:
        """Return the first chain of some expiries with the others beside it; None is the shown one's.

        Raises
        ------
        UnknownExpiry
            One is not there and cannot be asked for.
        """
        days = sorted({day or self.chain.expiry for day in expiries} or {self.chain.expiry})
        chains = [self.of(day) for day in days]
        known, spanned = self._spanned
        if [*map(id, chains)] != [*map(id, known)]:  # the same are the same snapshot: nothing is drawn anew
            first, *others = chains
            spanned = replace(first, others=()).beside(*others) if others else first
            self._spanned = chains, spanned
        return spanned

    def beside(self, idea: Strategy | Position) -> ChainSnapshot:
        """Return the chain shown, or an idea's first, with the other expiries that the idea needs beside it.

        Raises
        ------
        UnknownExpiry
            One of them is not there and cannot be asked for.
        """
        if isinstance(idea, OwnLegs):
            idea = Position.parse(idea.text)
        if isinstance(idea, Position):
            return self.spanning(leg.expiry for leg in idea if leg.right != "INDEX")
        if isinstance(idea, CALENDARS):
            later = [day for day in self.expiries if day > self.chain.expiry]
            return self.spanning([self.chain.expiry, *later[: getattr(idea, "later", 1)]])
        return self.of(self.chain.expiry)

    def asked_again(self) -> list[ChainSnapshot]:
        """Ask again for the shown expiry and those of the position; safe on a thread, shows nothing yet."""
        assert self.desk is not None, "the button is disabled"
        held = {leg.expiry for leg in self.idea} if isinstance(self.idea, Position) else set()
        days = sorted({self.chain.expiry, *(day for day in held if day)})
        return [self.desk.data.option_chain(self.underlying, day) for day in days]

    def followed(self, expiry: date) -> LiveChain:
        """Let an expiry follow the market stream; safe on a thread."""
        assert self.desk is not None, "the choice is disabled"
        return self.desk.stream(self.underlying, expiry)

    def take(self, chains: Iterable[ChainSnapshot]) -> None:
        """Show newer chains."""
        newer = {chain.expiry: chain for chain in chains}
        self._chains |= newer
        self.chain = newer.get(self.chain.expiry, self.chain)

    def _listed(self) -> list[date]:
        assert self.desk is not None, "a context has a desk or chains"
        return self.desk.data.expiries(self.underlying)
