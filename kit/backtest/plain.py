"""The plain engine: the rules as Python runs them, so that Python functions can stand among them."""

from __future__ import annotations

from collections.abc import Sequence

from kit.backtest.moment import HeldLeg, RuleMoment, asked
from kit.backtest.plan.plan import Plan, PlanLeg
from kit.backtest.quiet import next_bar
from kit.backtest.records import LEAVING, OPEN, RULE, STOP, TARGET, HeldPosition, Records
from kit.backtest.rules import close_of, go_out
from kit.backtest.tape import Loaded
from kit.backtest.walk import all_out, at_close, begin, leave_all, value_of, walk, within
from kit.bars.minutes import TICK_INR


def play(position: HeldPosition, loaded: Loaded) -> Records:
    """Play a position and return the rows it wrote."""
    walk(position, loaded.holding.first, loaded.holding.last)
    return position.trades[: position.totals.count]


def play_asking(
    position: HeldPosition,
    loaded: Loaded,
    plan: Plan,
    legs: Sequence[PlanLeg],
    until: int | None = None,
    after: int | None = None,
) -> Records:
    """Play a position to its exit and ask the plan's Python functions at every close.

    Parameters
    ----------
    position, loaded
        As `kit.backtest.engines.position_on` makes it of a tape.
    plan, legs
        What is played.
    until : int, optional
        Up to this bar alone.
    after : int, optional
        The bar up to which the position has been played: go on behind it.

    Raises
    ------
    RuleFailed
        A function raised.
    """
    bar, last = loaded.holding.first, loaded.holding.last
    if after is None:
        begin(position)
        ended = at_close(position, bar, last)
    else:
        bar, ended = after, all_out(position)
        position.states.due = 0  # bars that were blank then are known now
    asks = bool(plan.position_rules)
    while not ended:
        bar = bar + 1 if asks else next_bar(position, bar, last)
        if until is not None and bar > until:
            break
        ended = (
            within(position, bar, last)
            or (asks and _asked(position, loaded, plan, legs, bar))
            or at_close(position, bar, last)
        )
    return position.trades[: position.totals.count]


def _asked(position: HeldPosition, loaded: Loaded, plan: Plan, legs: Sequence[PlanLeg], bar: int) -> bool:
    """Ask the functions at the close of a bar; True when one of them ends the position."""
    held = {
        i: _held(position, loaded, legs[i], i, bar)
        for i, state in enumerate(position.states)
        if state.phase in (OPEN, LEAVING)
    }
    day, column = loaded.holding.locate(bar)
    profit = float(value_of(position, bar)) * TICK_INR
    moment = RuleMoment(day, column, list(held.values()), profit)
    for i, leg in held.items():
        state = position.states[i]
        if state.phase == OPEN and bar >= state.watch and position.tape.high[state.row, bar] > 0:
            seen = RuleMoment(day, column, moment.legs, profit, leg)
            _ask_leg(position, legs[i], i, bar, seen)
    if plan.exit.when is not None and asked(plan.exit.when, "exit", moment, bool):
        leave_all(position, bar, RULE, False)
        return True
    return False


def _ask_leg(position: HeldPosition, leg: PlanLeg, i: int, bar: int, moment: RuleMoment) -> None:
    for name, rule, reason in (("stop", leg.stop, STOP), ("target", leg.target, TARGET)):
        if callable(rule) and asked(rule, f"leg {i + 1} {name}", moment, bool):
            if reason == STOP:
                position.totals.hit = bar
            go_out(position, i, close_of(position, i, bar), bar, reason)
            return


def _held(position: HeldPosition, loaded: Loaded, leg: PlanLeg, i: int, bar: int) -> HeldLeg:
    state = position.states[i]
    expiry, strike, right = loaded.contracts[state.row]
    contract = position.tape.contracts[state.row]
    return HeldLeg(
        leg=i + 1,
        side=leg.side,
        right=right,
        strike=strike,
        expiry=expiry,
        units=int(contract.units * position.legs[i].lots * position.terms.multiple),
        entry_price=round(float(state.price) * TICK_INR, 2),
        price=round(float(close_of(position, i, bar)) * TICK_INR, 2),
    )
