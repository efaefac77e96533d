"""What is typed beside the plan, and what is said of a result."""

from __future__ import annotations

from kit.backtest import BacktestResult
from kit.errors import SettingsError
from kit.shown import counted, rupees


def checked_score(text: str) -> float:
    """Read the least quality of a session; nothing is 0.

    Raises
    ------
    SettingsError
        It is no number from 0 to 1.
    """
    try:
        score = float(text or 0)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise SettingsError("Not a quality", text, "It lies between 0 and 1.")
    return score


def labelled(result: BacktestResult) -> str:
    """Say in a sentence what was traded and what came of it."""
    names, days = ", ".join(plan.name for plan in result.plans), result.sessions
    span = f" from {days[0]:%d %b %Y} to {days[-1]:%d %b %Y}" if days else ""
    fall = result.drawdown
    return (
        f"{names}: {counted(len(result.filled), 'trade')} in {counted(len(days), 'session')}{span} "
        f"made {rupees(result.net_inr)} "
        f"after charges, at worst {rupees(fall.rupees)} below the highest before."
    )
