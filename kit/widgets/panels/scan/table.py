"""The table of a scan: which figures it shows, and the best row in words."""

from __future__ import annotations

from kit.evaluation.scan import ScanResult
from kit.shown import rupees
from kit.widgets.frame.grid import GridColumn, GridRow

COLUMNS = (
    GridColumn("legs", "Position", text=True, key=True, press=True, help="Open in the position builder"),
    GridColumn("family", "Family", text=True),
    GridColumn("probability_of_profit", "P(profit)", "%", 1, 100),
    GridColumn("premium_inr", "Premium", "₹", signed=True, help="Received (+) or paid (-) at the entry"),
    GridColumn("max_profit_inr", "Max. profit", "₹"),
    GridColumn("max_loss_inr", "Max. loss", "₹"),
    GridColumn("expected_profit_inr", "Expected", "₹ after charges", signed=True),
    GridColumn("cost_inr", "Cost", "₹", help="Spread and charges"),
    GridColumn("margin_inr", "Margin", "₹", help="An estimate"),
    GridColumn("return_on_margin", "On margin", "%", 2, 100, signed=True, help="Expected over margin"),
    GridColumn("cost_on_risk", "Cost on risk", "%", 2, 100),
    GridColumn("theta_inr", "Theta", "₹ a day", signed=True),
    GridColumn("spread_pct", "Spread", "%", 1, help="Of the leg with the widest"),
)


def rows_of(found: ScanResult) -> list[GridRow]:
    """Return the rows of the table, the best first."""
    return [
        GridRow(number, [column.cell(row[column.field].replace("_", " ") if column.field == "family"
                                     else row[column.field]) for column in COLUMNS])
        for number, row in enumerate(found.table.to_dict("records"))
    ]  # fmt: skip


def describe(found: ScanResult) -> str:
    """Say what was scanned under which view, and which position is the first."""
    if not len(found):
        return found.told()
    best = found.table.iloc[0]
    family, worst = best["family"].replace("_", " "), rupees(best["max_loss_inr"])
    return f"{found.told()}. First: {best['legs']} ({family}), maximum loss {worst}."
