"""Margins against published ones, against risk files, and by what hedging must do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import DataError, UnknownExpiry
from kit.evaluation.margin import Margin, estimate, margin, snapshot_parameters
from kit.evaluation.margin_rules import RiskParameters, risk_parameters
from kit.evaluation.risk_arrays import composite_deltas, risk_arrays
from kit.model import ChainSnapshot, Leg, Position
from kit.pricing.black76 import price
from kit.strategies import FAMILIES, IronCondor, LongStraddle, LongStrangle, ShortStraddle

MakeChain = Callable[..., ChainSnapshot]


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _parameters(underlying: str, on: str, as_of: str, close: float, sigma: float) -> RiskParameters:
    return risk_parameters(underlying, _day(on), close=close, as_of=_day(as_of), sigma=sigma)


def _legs(text: str) -> Position:
    return Position.parse(text)


def _at_model_prices(text: str, rules: RiskParameters) -> list[Leg]:
    """Price legs as the clearing house would, where the example does not say what they cost."""
    legs = []
    for leg in _legs(text):
        assert leg.expiry is not None
        years = (leg.expiry - rules.as_of).days / 365
        forward, discount = rules.close * np.exp(rules.rate * years), np.exp(-rules.rate * years)
        value = price(forward, leg.strike, years, rules.volatility, discount, leg.right)
        legs.append(replace(leg, price=float(value)))
    return legs


MAY = _parameters("NIFTY", "2026-05-29", "2026-05-29", 23_547.75, 0.00912924)
OLD = _parameters("BANKNIFTY", "2020-05-20", "2020-05-20", 17_840.2, 0.0403)
DATED = [  # day and premium are known
    ("future", MAY, "+1 FUT@23748.8 30JUN2026", 65, "total_inr", 174_593),
    ("short call", MAY, "-1 23700CE@437.65 30JUN2026", 65, "total_inr", 172_285),
    ("future by the rules before June 2020", OLD, "+1 FUT@17836.65 28MAY2020", 20, "total_inr", 76_307),
    ("debit spread of May 2020", OLD, "+1 17500PE@400 -1 17400PE@370 28MAY2020", 20, "total_inr", 32_902),
    (
        "debit spread of the broker's own page",
        _parameters("NIFTY", "2023-09-01", "2023-08-31", 19_512.35, 0.0095),
        "+1 19500PE@250 -1 19000PE@48 28SEP2023", 50, "exposure_inr", 19_512.35,
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", DATED, ids=lambda example: example[0])
def test_dated_margins_are_met_within_one_percent(
    example: tuple[str, RiskParameters, str, int, str, float],
) -> None:
    """Where day and premium of a published margin are known, the estimate is within 1 % of it."""
    _, rules, text, units, figure, published = example
    assert getattr(estimate(_legs(text), units, rules), figure) == pytest.approx(published, rel=0.01)


APRIL = _parameters("NIFTY", "2025-04-28", "2025-04-25", 24_039.35, 0.0089)
JANUARY = _parameters("NIFTY", "2026-01-30", "2026-01-29", 25_418.9, 0.00718442)
LOOSE = [  # the day, the strike or the premium is a guess
    ("straddle", MAY, "-1 23700CE@437.65 -1 23700PE@375 30JUN2026", 65, "total_inr", 202_898),
    ("weekly straddle", JANUARY, "-1 25400CE@188 -1 25400PE@187.9 03FEB2026", 65, "total_inr", 228_008),
    ("put spread", APRIL, "-1 24800PE +1 22850PE 30APR2025", 75, "total_inr", 183_000),
    ("its short leg", APRIL, "-1 24800PE 30APR2025", 75, "total_inr", 263_918),
    (
        "call of July 2025", _parameters("NIFTY", "2025-07-04", "2025-07-03", 25_405.3, 0.0091),
        "-1 25700CE@232.05 31JUL2025", 75, "span_inr", 159_005,
    ),
    (
        "strangle", risk_parameters("NIFTY", _day("2024-02-12"), close=21_782.5, as_of=_day("2024-02-09")),
        "-1 21000PE -1 22300CE 15FEB2024", 50, "total_inr", 125_000,
    ),
    (
        "put of November 2020", _parameters("BANKNIFTY", "2020-11-13", "2020-11-12", 28_278.8, 0.0232),
        "-1 28300PE@490 19NOV2020", 25, "span_inr", 134_402,
    ),
    (
        "future of June 2020", _parameters("NIFTY", "2020-06-03", "2020-06-02", 9_979.1, 0.0197),
        "+1 FUT@9962.95 25JUN2020", 75, "total_inr", 134_553,
    ),
    (
        "condor on its expiry day", risk_parameters("BANKNIFTY", _day("2024-10-09"), close=51_365.7),
        "+1 51500CE@95 -1 51700CE@40 +1 51100PE@80 -1 50900PE@40 09OCT2024", 15, "cash_inr", 31_522,
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", LOOSE, ids=lambda example: example[0])
def test_loosely_dated_margins_are_met_within_five_percent(
    example: tuple[str, RiskParameters, str, int, str, float],
) -> None:
    """Where a published margin leaves day, strike or premium open, the estimate is within 5 % of it."""
    _, rules, text, units, figure, published = example
    unpriced = np.isnan(_legs(text)[0].price)
    legs = _at_model_prices(text, rules) if unpriced else _legs(text)
    assert getattr(estimate(legs, units, rules), figure) == pytest.approx(published, rel=0.05)


def test_risk_arrays_are_those_of_the_files() -> None:
    """A future's sixteen losses of 25 June 2026, and worst losses of options of 8 August 2025, are met."""
    june = _parameters("BANKNIFTY", "2026-06-25", "2026-06-24", 58_150.35, 0.01112341)
    filed = [21.11, 21.11, -1809.65, -1809.65, 1851.87, 1851.87, -3640.41, -3640.41]
    filed += [3682.63, 3682.63, -5471.17, -5471.17, 5513.40, 5513.40, -3837.21, 3851.99]
    assert risk_arrays(["FUT"], [0.0], [6], june)[0] == pytest.approx(filed, abs=0.3)
    august = _parameters("BANKNIFTY", "2025-08-08", "2025-08-07", 55_521.15, 0.1843 / 365**0.5)
    strikes = [54_000, 55_500, 57_000, 60_000, 54_000, 55_500, 57_000]
    losses = -risk_arrays(["CE"] * 4 + ["PE"] * 3, strikes, [21] * 7, august)
    worst = [5920.04, 5404.19, 4575.12, 2873.58, 4296.03, 5218.40, 5816.87]
    assert losses.max(axis=1) == pytest.approx(worst, abs=0.1)
    assert (losses.argmax(axis=1) + 1).tolist() == [11, 11, 11, 15, 13, 13, 13]


PUBLISHED = {  # of the index alone; the exchange takes the future's where it is larger
    "2020-11-13": 0.0229, "2022-10-19": 0.0148, "2022-10-28": 0.0147, "2022-12-23": 0.0136,
    "2023-02-24": 0.0130, "2023-03-17": 0.0129, "2023-04-20": 0.0125, "2023-05-12": 0.0123,
}  # fmt: skip


@pytest.fixture(scope="module")
def closes(shared_data: object) -> pd.Series:
    """Daily last prices of the index, from bars of fifteen minutes."""
    bars = pd.read_csv(f"{shared_data}/reference/BankNifty_spot_15min_2018_2023.csv.gz")
    at = pd.to_datetime(bars["Time"], unit="s", utc=True).dt.tz_convert("Asia/Kolkata")
    return bars["Close"].groupby(at.dt.date).last()


@pytest.mark.parametrize(("day", "sigma"), PUBLISHED.items())
def test_closes_alone_give_the_published_sigma(day: str, sigma: float, closes: pd.Series) -> None:
    """From real closes alone sigma is within 2 % of the published one, and nothing later counts."""
    after = _day(day) + timedelta(1)
    rules = risk_parameters("BANKNIFTY", after, closes=closes)
    assert rules.sigma == pytest.approx(sigma, rel=0.02)
    assert rules.as_of == _day(day)
    known = closes[[one < after for one in closes.index]]
    assert risk_parameters("BANKNIFTY", after, closes=known) == rules


def test_published_sigmas_fill_in_for_closes(closes: pd.Series) -> None:
    """Between the published days a sigma is within 5 % of what the closes give."""
    for day in ("2021-03-10", "2022-05-10", "2022-12-01", "2023-04-10", "2023-07-20"):
        exact = risk_parameters("BANKNIFTY", _day(day), closes=closes)
        rough = risk_parameters("BANKNIFTY", _day(day), close=exact.close)
        assert rough.sigma == pytest.approx(exact.sigma, rel=0.05)
        assert (exact.sigma_from, rough.sigma_from) == ("closes", "published")
        assert rough.error > exact.error


RULES = _parameters("BANKNIFTY", "2026-06-15", "2026-06-12", 57_000.0, 0.0111)
option = st.builds(
    Leg,
    st.sampled_from(["CE", "PE"]),
    st.integers(500, 640).map(lambda hundreds: 100.0 * hundreds),
    st.integers(-5, 5).filter(bool),
    st.floats(0.05, 3000),
    st.sampled_from([_day("2026-06-30"), _day("2026-07-28")]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(option, min_size=1, max_size=6))
def test_margin_never_exceeds_the_legs_alone_but_for_calendars(legs: list[Leg]) -> None:
    """Together legs cost no more than each alone, but for the calendar charge and what the model overrates.

    A bought option is scanned from the model's value; alone it blocks nothing, however cheap it was.
    """
    found = estimate(legs, 30, RULES)
    bought = [estimate([leg], 30, RULES) for leg in legs if leg.lots > 0]
    assert all(one.total_inr == 0 for one in bought)
    overrated = sum(max(0.0, one.scan_inr - one.option_value_inr) for one in bought)
    assert found.total_inr <= found.alone_inr + found.calendar_inr + overrated + 1e-6
    assert found.total_inr >= found.exposure_inr
    assert found.span_inr >= 0
    doubled = estimate([replace(leg, lots=2 * leg.lots) for leg in legs], 30, RULES)
    assert doubled.total_inr == pytest.approx(2 * found.total_inr)


@pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.__name__)
def test_every_strategy_has_a_margin(kind: type, make_chain: MakeChain) -> None:
    """On a chain every strategy's margin is finite, and bought ones block nothing."""
    chain = make_chain().beside(replace(make_chain(days=42.0), expiry=_day("2026-12-29")))
    found = margin(kind().legs(chain), chain)
    assert np.isfinite([*found.row().values()]).all()
    if kind in (LongStraddle, LongStrangle):
        assert found.total_inr == 0
        assert found.cash_inr == -found.premium_inr > 0


def test_wings_are_counted(make_chain: MakeChain) -> None:
    """An iron condor blocks a fraction of its strangle; a sum over legs would be several times more."""
    chain = make_chain()
    legs = IronCondor(width=500).legs(chain)
    hedged, naked = margin(legs, chain), margin(legs[1:3], chain)
    assert hedged.total_inr < 0.5 * naked.total_inr
    assert hedged.alone_inr > 3 * hedged.total_inr
    assert hedged.benefit_inr == hedged.alone_inr - hedged.total_inr


def test_a_conversion_has_no_scan(make_chain: MakeChain) -> None:
    """A future hedged by a synthetic short one risks nothing but the discounting of its strike."""
    chain = make_chain()
    legs = chain.priced(Position.parse("+1 FUT -1 55000CE +1 55000PE"))
    assert margin(legs, chain).scan_inr < 0.01 * margin(legs[:1], chain).scan_inr


def test_the_day_of_expiry_costs_extra(make_chain: MakeChain) -> None:
    """On the day an expiry ends, what is sold of it pays 2 % more, hedged or not, since November 2024."""
    for day, extra in (("2026-06-30", 0.02), ("2024-10-30", 0.0), ("2024-11-27", 0.02)):
        rules = risk_parameters("BANKNIFTY", _day(day), close=50_000.0)
        text = f"-1 50000CE@100 +1 50500CE@10 {day}"
        assert estimate(_legs(text), 30, rules).expiry_day_inr == extra * 50_000 * 30


def test_an_expiring_leg_offsets_no_later_one_since_2025() -> None:
    """What expires today is scanned by itself since February 2025, and against later expiries before."""
    text = "-1 50000CE@100 {today} +1 50000CE@900 {later}"
    new = risk_parameters("BANKNIFTY", _day("2026-06-30"), close=50_000.0)
    old = risk_parameters("BANKNIFTY", _day("2024-10-30"), close=50_000.0)
    apart = estimate(_legs(text.format(today="2026-06-30", later="2026-07-28")), 30, new)
    together = estimate(_legs(text.format(today="2024-10-30", later="2024-11-27")), 30, old)
    assert apart.span_inr > 4 * together.span_inr
    assert apart.calendar_inr == 0
    assert together.calendar_inr > 0


def test_a_calendar_of_futures_pays_the_charge_and_a_third_of_the_exposure() -> None:
    """Opposite futures of two months risk almost nothing, and pay 1.75 % and a third of the exposure."""
    pair = _legs("-1 FUT@57100 30JUN2026 +1 FUT@57400 28JUL2026")
    found = estimate(pair, 30, RULES)
    assert found.calendar_inr == pytest.approx(0.0175 * 57_000 * 1.0135 * 30, rel=0.002)
    assert found.exposure_inr == pytest.approx(0.02 * 57_400 * 30 / 3)
    assert found.scan_inr < 0.01 * found.calendar_inr * 57


def test_composite_deltas_are_averages() -> None:
    """A composite delta lies between 0 and 1 for calls, and a call less a put of one strike is a future."""
    call, put, future = composite_deltas(["CE", "PE", "FUT"], [57_000.0, 57_000.0, 0.0], [30, 30, 30], RULES)
    assert 0.4 < call < 0.7
    assert call - put == pytest.approx(future) == 1


def test_the_index_needs_no_margin(make_chain: MakeChain) -> None:
    """The index itself is paid in cash and hedges nothing."""
    chain = make_chain()
    assert margin(chain.priced(Position.parse("+1 INDEX")), chain).total_inr == 0
    covered = margin(chain.priced(Position.parse("+1 INDEX -1 56000CE")), chain)
    assert covered.total_inr == margin(chain.priced(Position.parse("-1 56000CE")), chain).total_inr


def test_deep_and_far_shorts_pay_more_exposure() -> None:
    """A strike more than a tenth out of the money pays 3 %, an expiry beyond nine months 5 %."""
    base = 57_000.0 * 30
    assert estimate(_legs("-1 63000CE@5 30JUN2026"), 30, RULES).exposure_inr == pytest.approx(0.03 * base)
    assert estimate(_legs("-1 51000CE@6000 30JUN2026"), 30, RULES).exposure_inr == pytest.approx(0.02 * base)
    assert estimate(_legs("-1 57000CE@5000 29JUN2027"), 30, RULES).exposure_inr == pytest.approx(0.05 * base)


def test_bad_input_is_named(make_chain: MakeChain, closes: pd.Series) -> None:
    """What has no margin is named: legs, expiries, indices, levels, histories and days."""
    chain = make_chain()
    with pytest.raises(DataError, match="at least one leg"):
        margin([], chain)
    with pytest.raises(DataError, match="living contracts: '2026-06-02'"):
        estimate(_legs("-1 57000CE@10 02JUN2026"), 30, RULES)
    with pytest.raises(UnknownExpiry, match="not at hand"):
        margin(_legs("-1 57000CE@10 29DEC2026"), chain)
    with pytest.raises(DataError, match=r"No margin rules.*SENSEX"):
        risk_parameters("SENSEX", _day("2026-06-15"), close=80_000.0)
    with pytest.raises(DataError, match="index level"):
        risk_parameters("BANKNIFTY", _day("2026-06-15"))
    with pytest.raises(DataError, match=r"Too few closes for a sigma: 30\. It takes 401"):
        risk_parameters("BANKNIFTY", _day("2023-08-05"), closes=closes[-30:])
    with pytest.raises(DataError, match="no close before"):
        risk_parameters("BANKNIFTY", _day("2017-06-15"), closes=closes)
    with pytest.raises(DataError, match="2015-01-01"):
        risk_parameters("BANKNIFTY", _day("2015-01-01"), close=18_000.0, sigma=0.01)
    with pytest.raises(DataError, match="reaches back to"):
        risk_parameters("BANKNIFTY", _day("2019-05-01"), close=30_000.0)
    with pytest.raises(DataError, match="fraction between 0 and 1"):
        risk_parameters("BANKNIFTY", _day("2026-06-15"), close=57_000.0, sigma=1.1)


def test_a_chain_brings_its_parameters(make_chain: MakeChain) -> None:
    """Without parameters a margin is that of the chain's day, scanned from its spot."""
    chain = make_chain()
    legs = ShortStraddle().legs(chain)
    found = margin(legs, chain)
    assert found == margin(legs, chain, snapshot_parameters(chain))
    assert isinstance(found, Margin)
    assert found.premium_inr == -found.option_value_inr == chain.lot_size * sum(leg.price for leg in legs)
    bought_cheaper = [replace(leg, price=leg.price + 10) for leg in legs]
    assert margin(bought_cheaper, chain).premium_inr == found.premium_inr + 600
