"""The table of a scan: which figures it shows, and the best row in words."""

from __future__ import annotations

from kit.evaluation.scan import ScanResult
from kit.shown import rupees
from kit.widgets.frame.grid import GridColumn, GridRow, led_by, numbered

COLUMNS = (
    GridColumn("legs", "Position", text=True, key=True, press=True, help="Open in the position builder"),
    GridColumn("probability_of_profit", "P(profit)", "%", 1, 100),
    GridColumn("return_on_margin", "On margin", "%", 2, 100, signed=True, help="Expected over margin"),
    GridColumn("premium_inr", "Premium", "₹", signed=True, help="Received (+) or paid (-) at the entry"),
    GridColumn("max_profit_inr", "Max. profit", "₹ gross", help="Before charges"),
    GridColumn("max_loss_inr", "Max. loss", "₹ gross", help="Before charges"),
    GridColumn("expected_profit_inr", "Expected", "₹ net", signed=True, help="After charges and the spread"),
    GridColumn("margin_inr", "Margin", "₹", help="An estimate"),
    GridColumn("family", "Family", text=True),
    GridColumn("cost_inr", "Cost", "₹", help="Spread and charges"),
    GridColumn("cost_on_risk", "Cost on risk", "%", 2, 100),
    GridColumn("theta_inr", "Theta", "₹ a day", signed=True),
    GridColumn("spread_pct", "Spread", "%", 1, help="Of the leg with the widest"),
)


def table_of(found: ScanResult) -> tuple[tuple[GridColumn, ...], list[GridRow]]:
    """Return columns, led by what it is ranked by, and rows, the best first."""
    columns = led_by(COLUMNS, found.order.names)
    rows = found.table.assign(family=found.table["family"].str.replace("_", " ")).to_dict("records")
    return columns, numbered(columns, rows)


def describe(found: ScanResult) -> str:
    """Say what was scanned under which view, and which position is the first."""
    if not len(found):
        return found.told()
    best = found.table.iloc[0]
    family, worst = best["family"].replace("_", " "), rupees(best["max_loss_inr"])
    first = f"First: {best['legs']} ({family}), maximum loss {worst}."
    return f"{found.told()}. {first} {found.exposed()}".rstrip()
