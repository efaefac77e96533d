"""What the position builder says in words and tiles."""

from __future__ import annotations

from datetime import datetime
from math import isnan

from kit.evaluation.attribution import Attribution
from kit.evaluation.margin import Margin
from kit.evaluation.outlook import Outlook
from kit.evaluation.results import levels
from kit.evaluation.scored import Score
from kit.shown import rupees
from kit.widgets.frame.grid import GridColumn, GridRow
from kit.widgets.panels.position.holding import leg_words

_PARTS = ("change", "delta", "gamma", "theta", "vega", "vanna", "volga", "rho", "remainder")
CAUSES = (
    GridColumn("way", "What each Greek contributes", text=True, key=True),
    *(
        GridColumn(
            name, {"change": "Change", "remainder": "Rest"}.get(name, name.capitalize()), "₹", signed=True,
            help="Third orders, and quotes off their volatility" if name == "remainder" else "",
        )
        for name in _PARTS
    ),
)  # fmt: skip


def cause_row(way: str, parts: Attribution) -> GridRow:
    """Return one row of the attribution."""
    figures = [column.cell(getattr(parts, f"{column.field}_inr")) for column in CAUSES[1:]]
    return GridRow(way, [way, *figures])


def figures(found: Outlook) -> dict[str, str]:
    """Write the figures of a position under a scenario, with their units."""
    held = found.standing
    premium, blocked, scored = held.premium_inr, held.margin, held.score
    when = "by then" if found.scenario.days else "at the first expiry"  # `Standing.chance_by`
    tiles = {
        "Profit in the scenario": rupees(found.profit_inr),
        "Profit now": rupees(held.profit_now_inr),
        "Premium received" if premium >= 0 else "Premium paid": rupees(abs(premium)),
    }
    if isinstance(scored, Score):
        tiles |= {
            "Maximum profit (before charges)": rupees(scored.max_profit_inr),
            "Maximum loss (before charges)": rupees(scored.max_loss_inr),
            "Charges, held to expiry": rupees(scored.charges_inr),
        }
    tiles |= {
        "Breakevens at the first expiry": levels(held.breakevens),
        "Breakevens in the scenario": levels(found.breakevens),
        f"Probability of profit {when} (lognormal)": _percent(found.probability_of_profit, 0),
    }
    if isinstance(blocked, Margin):
        tiles |= {
            f"Margin (estimate, ± {100 * blocked.error:.0f} %)": rupees(blocked.total_inr),
            "Saved by the hedge": rupees(blocked.benefit_inr),
            "Return on margin (scenario)": _percent(found.return_on_margin, 2),
        }
    greek = found.greeks_inr
    return tiles | {
        "Delta (₹ per point)": f"{greek.delta:+,.1f}",
        "Gamma (₹ per point²)": f"{greek.gamma:+.2g}",
        "Theta (₹ per day)": f"{greek.theta:+,.0f}",
        "Vega (₹ per vol. point)": f"{greek.vega:+,.0f}",
    }


def _percent(share: float, digits: int) -> str:
    return "unknown" if isnan(share) else f"{100 * share:.{digits}f} %"


def describe(found: Outlook, date: datetime) -> str:
    """Say in words what the pictures show."""
    told, held = found.scenario, found.standing
    spot = held.chain.spot * (1 + told.spot_shift)
    legs = ", ".join(f"{leg_words(leg)} at {leg.price:,.2f}" for leg in held.position)
    where = f"On {date:%d %b %Y %H:%M} with the index at {spot:,.0f} ({100 * told.spot_shift:+.2f} %)"
    moved = f"and volatilities {100 * told.iv_shift:+.1f} points"
    earns = "earns" if found.profit_inr >= 0 else "loses"
    lines = [
        f"{legs}; lots of {held.chain.lot_size}.",
        f"{where} {moved} it {earns} {rupees(abs(found.profit_inr))}.",
        f"At the first expiry it breaks even at {levels(held.breakevens, ' and ')}.",
    ]
    if isinstance(held.score, Score):
        lines.append(f"Verdict: {held.score.verdict}.")
    if isinstance(held.margin, str):
        lines.append(f"No margin: {held.margin}")
    return " ".join(lines)
