"""On what terms positions are scored: whose view, at which prices, with which charges."""

from __future__ import annotations

from typing import Literal, NamedTuple

from kit.errors import SettingsError
from kit.evaluation.liquidity import Entry
from kit.evaluation.views import View, market, view_of

Basis = Literal["held", "closed"]


class Terms(NamedTuple):
    """On what terms positions are scored.

    Parameters
    ----------
    view : View
        Whose distribution.
    entry : {"touch", "mid"}
        At which prices they are entered.
    basis : {"held", "closed"}
        What is charged.
    """

    view: View = market
    entry: Entry = "touch"
    basis: Basis = "held"

    @property
    def crossings(self) -> int:
        """How often the spread is crossed: not at the middle, once in, and once out where it is closed."""
        return 0 if self.entry == "mid" else 1 if self.basis == "held" else 2

    @classmethod
    def of(cls, view: View | str, entry: str, basis: str) -> Terms:
        """Return checked terms.

        Raises
        ------
        SettingsError
            A word is misspelt.
        """
        if entry not in ("touch", "mid"):
            raise SettingsError("There is no entry of this name", entry, "Use touch or mid.")
        if basis not in ("held", "closed"):
            raise SettingsError("There is no basis of this name", basis, "Use held or closed.")
        return cls(view_of(view), entry, basis)  # type: ignore[arg-type] # both were looked up


STANDARD = Terms()
