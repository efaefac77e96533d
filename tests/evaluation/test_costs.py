"""What trading costs, by date."""

from datetime import date

import pytest

from kit.errors import DataError
from kit.evaluation.costs import exercise_inr, order_charges, round_trip_inr
from kit.model import Leg

TODAY = date(2026, 11, 20)


def test_worked_example() -> None:
    """One lot of 30 sold at 400 and bought back at 400 costs 46.6 + 29.0 = 75.6 rupees, 18.0 of it tax."""
    sale, purchase = order_charges(30 * 400, "sell", TODAY), order_charges(30 * 400, "buy", TODAY)
    assert (round(sale.total, 1), round(purchase.total, 1)) == (46.6, 29.0)
    assert sale.stt == pytest.approx(18.0)
    assert round_trip_inr([Leg("CE", 55_000, -1, 400.0)], 30, TODAY) == pytest.approx(75.65, abs=0.005)


def test_parts_of_one_sale() -> None:
    """A sale carries brokerage, transaction tax, exchange and regulator's fees and their tax, no stamp."""
    sale = order_charges(1_00_000, "sell", TODAY)
    assert sale.brokerage == 20
    assert sale.stt == pytest.approx(150)
    assert sale.exchange == pytest.approx(35.53)
    assert sale.sebi == pytest.approx(0.1)
    assert sale.stamp == 0
    assert sale.gst == pytest.approx(0.18 * (20 + 35.53 + 0.1))
    assert sale.total == pytest.approx(sum(sale))


def test_only_a_purchase_is_stamped() -> None:
    """A purchase carries stamp duty and no transaction tax."""
    purchase = order_charges(1_00_000, "buy", TODAY)
    assert (purchase.stt, purchase.stamp) == (0, pytest.approx(3))


@pytest.mark.parametrize(
    ("day", "rate"),
    [
        (date(2016, 5, 31), 0.00017),
        (date(2016, 6, 1), 0.0005),
        (date(2023, 3, 31), 0.0005),
        (date(2023, 4, 1), 0.000625),
        (date(2024, 9, 30), 0.000625),
        (date(2024, 10, 1), 0.001),
        (date(2026, 3, 31), 0.001),
        (date(2026, 4, 1), 0.0015),
    ],
)
def test_tax_follows_its_date(day: date, rate: float) -> None:
    """The tax on a sale is the one in force that day, on the day it changes and the day before."""
    assert order_charges(1_000_000, "sell", day).stt == pytest.approx(rate * 1_000_000)


@pytest.mark.parametrize("lots", [1, -1, 3])
def test_round_trip_is_one_order_each_way(lots: int) -> None:
    """A round trip costs one sale and one purchase at the entry price, whichever comes first."""
    premium = 250.0 * 35 * abs(lots)
    day = date(2025, 8, 1)
    both = order_charges(premium, "sell", day).total + order_charges(premium, "buy", day).total
    assert round_trip_inr([Leg("PE", 50_000, lots, 250.0)], 35, day) == pytest.approx(both)


def test_exercise_taxes_bought_legs_in_the_money() -> None:
    """Only what was bought and expires in the money is taxed, on its intrinsic value."""
    legs = [Leg("CE", 50_000, 2, 1.0), Leg("CE", 49_000, -2, 1.0), Leg("PE", 50_000, 1, 1.0)]
    assert exercise_inr(legs, 30, 50_400, TODAY) == pytest.approx(0.0015 * 2 * 400 * 30)
    assert exercise_inr(legs, 30, 50_400, date(2025, 1, 1)) == pytest.approx(0.00125 * 2 * 400 * 30)
    assert exercise_inr(legs, 30, 50_400, date(2019, 5, 23)) == pytest.approx(0.00125 * 2 * 50_400 * 30)


def test_a_day_before_the_table_is_an_error() -> None:
    """A day that the table of charges does not reach is refused with the day, not charged nothing."""
    with pytest.raises(DataError, match="2014-01-01"):
        order_charges(1000, "sell", date(2014, 1, 1))
