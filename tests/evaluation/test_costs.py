"""What trading costs, by date."""

from datetime import date

import numpy as np
import pytest

from kit.errors import DataError, SettingsError
from kit.evaluation.costs import Plan, contract_note, opening_inr, order_charges, round_trip_inr
from kit.evaluation.exercise import exercise_inr
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


@pytest.mark.parametrize(
    ("day", "per_crore"),
    [
        (date(2018, 6, 1), 15),
        (date(2019, 4, 1), 10),
        (date(2020, 5, 29), 10),
        (date(2020, 6, 1), 5),
        (date(2021, 3, 31), 5),
        (date(2021, 4, 1), 10),
        (TODAY, 10),
    ],
)
def test_regulators_fee_follows_its_date(day: date, per_crore: float) -> None:
    """SEBI's fee is ten rupees a crore, five from June 2020 to March 2021."""
    assert order_charges(1e7, "buy", day).sebi == pytest.approx(per_crore)


@pytest.mark.parametrize(("day", "taxed"), [(date(2022, 7, 15), 0), (date(2022, 7, 18), 1)])
def test_tax_on_the_regulators_fee_began_in_july_2022(day: date, taxed: int) -> None:
    """Until 18 July 2022 the fee of the regulator carries no GST."""
    found = order_charges(1e7, "buy", day)
    assert found.gst == pytest.approx(0.18 * (found.brokerage + found.exchange + taxed * found.sebi))


def test_a_day_of_september_2023_to_the_paisa() -> None:
    """One lot of 15 sold at 250 in September 2023: brokerage, tax, fees and their tax, part by part."""
    sale = order_charges(15 * 250, "sell", date(2023, 9, 6))
    assert tuple(sale) == pytest.approx((20, 2.34375, 1.89375, 0.00375, 0, 3.94155))


@pytest.mark.parametrize(
    ("plan", "premium", "brokerage"),
    [("flat", 1000, 20), ("flat", 1e6, 20), ("capped", 1000, 2.5), ("capped", 1e6, 20), ("none", 1e6, 0)],
)
def test_brokerage_by_plan(plan: Plan, premium: float, brokerage: float) -> None:
    """A flat plan costs so much an order, a capped one at most its share of the premium, and one nothing."""
    found = order_charges(premium, "sell", TODAY, plan)
    assert found.brokerage == pytest.approx(brokerage)
    assert {type(part) for part in found} == {float}
    assert order_charges(np.array([premium]), "sell", TODAY, plan).brokerage.tolist() == [
        pytest.approx(brokerage)
    ]


def test_a_plan_that_is_none_names_the_plans() -> None:
    """A misspelt plan is refused with those that there are, and a plan before its time with its first day."""
    with pytest.raises(SettingsError, match="capped"):
        order_charges(1000, "sell", TODAY, "free")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="2019-11-01"):
        order_charges(1000, "sell", date(2018, 1, 1), "capped")


def test_a_contract_note_rounds_tax_and_stamp_once() -> None:
    """STT and stamp duty are rounded to the rupee over the day's orders together, half a rupee upwards."""
    orders = [order_charges(333.4, "sell", TODAY) for _ in range(3)]  # 0.50 rupees of STT each
    note = contract_note([*orders, order_charges(50_000, "buy", TODAY)])
    assert note.stt == 2  # 1.5003
    assert note.stamp == 2  # 1.5: half a rupee goes up
    assert note.exchange == pytest.approx(sum(order.exchange for order in orders) + 50_000 * 0.0003553)
    assert contract_note([]).total == 0


def test_a_rounded_round_trip_is_its_contract_note() -> None:
    """Rounding a round trip is what the note of its two orders does, and it moves less than a rupee."""
    legs = [Leg("PE", 50_000, -1, 251.3), Leg("CE", 51_000, 2, 100.0)]
    premiums = [251.3 * 35, 200.0 * 35]
    day = date(2025, 8, 1)
    note = contract_note(order_charges(one, side, day) for one in premiums for side in ("buy", "sell"))
    rounded = round_trip_inr(legs, 35, day, rounded=True)
    assert rounded == pytest.approx(note.total)
    assert abs(rounded - round_trip_inr(legs, 35, day)) <= 1


def test_arrays_of_premiums_are_charged_at_once() -> None:
    """A backtest charges a day's orders in one call, as it would one by one."""
    premiums = np.array([1000.0, 25_000.0, 3_333.3])
    at_once = order_charges(premiums, "buy", TODAY)
    one_by_one = [order_charges(float(premium), "buy", TODAY) for premium in premiums]
    assert at_once.total == pytest.approx([order.total for order in one_by_one])


@pytest.mark.parametrize("day", [date(2014, 1, 1), date(2029, 1, 1)])
def test_a_day_outside_the_tables_is_an_error(day: date) -> None:
    """A day that the tables do not reach is refused with the day, not charged nothing."""
    for ask in (lambda: order_charges(1000, "sell", day), lambda: exercise_inr([], 30, 50_000, day)):
        with pytest.raises(DataError, match=str(day)):
            ask()


def test_a_future_is_taxed_on_its_whole_price() -> None:
    """A lot of 30 sold at 55,000 in November 2026: 825 of tax, 30.20 of fee, no stamp; bought: 33."""
    sale = order_charges(30 * 55_000, "sell", TODAY, kind="future")
    purchase = order_charges(30 * 55_000, "buy", TODAY, kind="future")
    assert (sale.stt, sale.stamp) == (pytest.approx(825.0), 0)
    assert sale.exchange == pytest.approx(30.195)
    assert (purchase.stt, purchase.stamp) == (0, pytest.approx(33.0))
    held = [Leg("FUT", 0.0, 1, 55_000.0)]
    assert opening_inr(held, 30, TODAY) == pytest.approx(purchase.total)
    assert round_trip_inr(held, 30, TODAY) == pytest.approx(purchase.total + sale.total)


def test_the_index_costs_nothing() -> None:
    """What cannot be traded is not charged, exact or rounded."""
    held = [Leg("INDEX", 0.0, 1, 55_000.0)]
    assert opening_inr(held, 30, TODAY) == round_trip_inr(held, 30, TODAY, rounded=True) == 0


@pytest.mark.parametrize(
    ("on", "a_crore"), [(date(2021, 2, 1), 200), (date(2023, 5, 2), 200), (date(2024, 11, 4), 183)]
)
def test_a_futures_exchange_charge_holds_the_investors_fund(on, a_crore):
    """A crore of futures pays charge and fund: 200 rupees until 2024, 183 since October 2024."""
    assert order_charges(1e7, "buy", on, kind="future").exchange == pytest.approx(a_crore)
