"""The families that a scan knows, as tables of legs: what stands where, bought or sold."""

from __future__ import annotations

from typing import NamedTuple

from kit.model import Held

RATIOS = (2, 3)


class LegRule(NamedTuple):
    """One leg of all positions of a family.

    Parameters
    ----------
    right : {"CE", "PE", "FUT"}
        Call, put or future.
    lots : int
        Bought or sold.
    upper : bool
        Whether it stands at the upper strike of a pair, else at the lower or only one.
    wing : int
        -1 so much below that strike, 1 so much above, 0 on it.
    far : bool
        Whether by the larger of two widths.
    later : bool
        Whether it is of the later of two expiries.
    """

    right: Held
    lots: int
    upper: bool = False
    wing: int = 0
    far: bool = False
    later: bool = False


Rules = tuple[LegRule, ...]


class Family(NamedTuple):
    """How the positions of a family are drawn.

    Parameters
    ----------
    pairs : bool
        Whether from every pair of strikes, else from every strike.
    widths : int
        How many widths its wings have: 0, 1 or 2.
    variants : tuple of tuple of LegRule
        Its legs by ascending strike; several where lots differ.
    """

    pairs: bool
    widths: int
    variants: tuple[Rules, ...]


def _on(right: Held, lots: int, wing: int = 0, far: bool = False) -> LegRule:
    return LegRule(right, lots, False, wing, far)


def _up(right: Held, lots: int, wing: int = 0) -> LegRule:
    return LegRule(right, lots, True, wing)


def _strikes(*legs: LegRule) -> Family:
    return Family(False, 0, (legs,))


def _pairs(*legs: LegRule) -> Family:
    return Family(True, 0, (legs,))


def _winged(*variants: Rules, pairs: bool = False, widths: int = 1) -> Family:
    return Family(pairs, widths, variants)


def _vertical(right: Held, low: int) -> Family:
    return _winged((_on(right, low), _on(right, -low, 1)))


def _condor(below: Held, above: Held) -> Family:
    return _winged((_on(below, 1, -1), _on(below, -1), _up(above, -1), _up(above, 1, 1)), pairs=True)


def _butterfly(right: Held, *, broken: bool = False) -> Family:
    """Return a butterfly; the further wing of a broken one stands above a call's strikes, below a put's."""
    below, above = broken and right == "PE", broken and right == "CE"
    legs = (_on(right, 1, -1, below), _on(right, -2), _on(right, 1, 1, above))
    return _winged(legs, widths=2 if broken else 1)


def _ratio(right: Held, near: int) -> Family:
    """One near option against several further out; `near` is the near one's sign."""
    if right == "CE":
        return _winged(*((_on(right, near), _on(right, -near * ratio, 1)) for ratio in RATIOS))
    return _winged(*((_on(right, -near * ratio, -1), _on(right, near)) for ratio in RATIOS))


def _calendar(right: Held, wing: int = 0) -> Family:
    """Return a calendar, or with wings a diagonal: what is bought later stands so much nearer the money."""
    legs = (LegRule(right, -1), LegRule(right, 1, wing=wing, later=True))
    return _winged(legs) if wing else _strikes(*legs)


KNOWN: dict[str, Family] = {
    "bear_call_spread": _vertical("CE", -1),
    "bear_put_spread": _vertical("PE", -1),
    "box": _winged((_on("PE", -1), _on("CE", 1), _on("PE", 1, 1), _on("CE", -1, 1))),
    "broken_wing_call_butterfly": _butterfly("CE", broken=True),
    "broken_wing_put_butterfly": _butterfly("PE", broken=True),
    "bull_call_spread": _vertical("CE", 1),
    "bull_put_spread": _vertical("PE", 1),
    "call_back_spread": _ratio("CE", -1),
    "call_butterfly": _butterfly("CE"),
    "call_condor": _condor("CE", "CE"),
    "call_ratio_spread": _ratio("CE", 1),
    "collar": _pairs(LegRule("FUT", 1), _on("PE", 1), _up("CE", -1)),
    "covered_call": _strikes(LegRule("FUT", 1), _on("CE", -1)),
    "covered_put": _strikes(LegRule("FUT", -1), _on("PE", -1)),
    "iron_butterfly": _winged((_on("PE", 1, -1), _on("PE", -1), _on("CE", -1), _on("CE", 1, 1))),
    "iron_condor": _condor("PE", "CE"),
    "jade_lizard": _winged((_on("PE", -1), _up("CE", -1), _up("CE", 1, 1)), pairs=True),
    "long_straddle": _strikes(_on("PE", 1), _on("CE", 1)),
    "long_strangle": _pairs(_on("PE", 1), _up("CE", 1)),
    "long_synthetic": _strikes(_on("PE", -1), _on("CE", 1)),
    "protective_call": _strikes(LegRule("FUT", -1), _on("CE", 1)),
    "protective_put": _strikes(LegRule("FUT", 1), _on("PE", 1)),
    "put_back_spread": _ratio("PE", -1),
    "put_butterfly": _butterfly("PE"),
    "put_condor": _condor("PE", "PE"),
    "put_ratio_spread": _ratio("PE", 1),
    "reverse_jade_lizard": _winged((_on("PE", 1, -1), _on("PE", -1), _up("CE", -1)), pairs=True),
    "risk_reversal": _pairs(_on("PE", -1), _up("CE", 1)),
    "short_straddle": _strikes(_on("PE", -1), _on("CE", -1)),
    "short_strangle": _pairs(_on("PE", -1), _up("CE", -1)),
    "short_synthetic": _strikes(_on("PE", 1), _on("CE", -1)),
}
SPANNING: dict[str, Family] = {
    "call_calendar": _calendar("CE"),
    "call_diagonal": _calendar("CE", -1),
    "double_calendar": _pairs(
        LegRule("PE", -1), LegRule("PE", 1, later=True), _up("CE", -1), LegRule("CE", 1, True, later=True)
    ),
    "put_calendar": _calendar("PE"),
    "put_diagonal": _calendar("PE", 1),
}  # over two expiries; scored one by one, a thousand times slower, so that "all" leaves them out
