from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.chains.readers import read_chain
from kit.errors import DataError
from kit.pricing.analytics import (
    build_up,
    gamma_exposure,
    heaviest,
    max_pain,
    put_call_ratio,
    resistance,
    snapshot_analytics,
    snapshot_variance,
    support,
    synthetic_future,
)
from kit.pricing.chain import analyse
from kit.pricing.forward import implied_forward
from kit.pricing.reasons import Reason

STRIKES = np.array([100.0, 110.0, 120.0, 130.0])


def test_put_call_ratio() -> None:
    """The ratio is puts over calls, missing counts as nothing, and no calls give NaN."""
    assert put_call_ratio([10, 20, np.nan], [15, np.nan, 30]) == pytest.approx(1.5)
    assert np.isnan(put_call_ratio([0, np.nan], [5, 5]))


def test_max_pain_is_where_holders_get_least() -> None:
    """The strike agrees with a plain sum over every contract, and is NaN without open interest."""
    random = np.random.default_rng(11)
    for _ in range(20):
        calls, puts = random.integers(0, 500, (2, STRIKES.size))
        paid = [
            sum(c * max(at - k, 0) + p * max(k - at, 0) for k, c, p in zip(STRIKES, calls, puts, strict=True))
            for at in STRIKES
        ]
        assert max_pain(STRIKES, calls, puts) == STRIKES[int(np.argmin(paid))]
    assert np.isnan(max_pain(STRIKES, [0, 0, 0, 0], [np.nan] * 4))


def test_build_up_names_the_four_corners() -> None:
    """Price and open interest together name the build-up; no change has no direction, NaN no name."""
    words = build_up([1, -1, 1, -1, np.nan, 1], [5, 5, -5, -5, 5, np.nan]).tolist()
    assert words == [
        "long build-up",
        "short build-up",
        "short covering",
        "long unwinding",
        "unknown",
        "unknown",
    ]
    changes = [(0, 5), (0, -5), (0, 0), (5, 0), (-5, 0)]
    assert set(build_up(*zip(*changes, strict=True))) == {"unchanged"}
    small = [(0.05, 0.05), (-0.05, 0.05), (0.05, -0.05), (-0.05, -0.05)]
    assert build_up(*zip(*small, strict=True)).tolist() == words[:4]


def test_support_and_resistance_are_the_heaviest_strikes_on_their_side() -> None:
    """Puts below the forward support, calls above it resist, heaviest first, empty strikes never."""
    assert support(STRIKES, [5, 9, 99, 0], 115.0).tolist() == [110.0, 100.0]
    assert resistance(STRIKES, [50, 9, 3, 8], 115.0, count=1).tolist() == [130.0]
    assert resistance(STRIKES, [0, 0, 0, np.nan], 115.0).size == 0


def test_three_strikes_support_and_resist_the_one_at_the_forward_among_them() -> None:
    """Unless asked for more, three are named; a strike that is the forward counts on both sides."""
    strikes, oi = np.arange(100.0, 190.0, 10.0), np.arange(9.0, 0.0, -1.0)
    assert support(strikes, oi, 140.0).tolist() == [100.0, 110.0, 120.0]
    assert resistance(strikes, oi, 140.0).tolist() == [140.0, 150.0, 160.0]
    assert support(strikes, oi[::-1], 140.0).tolist() == [140.0, 130.0, 120.0]


def test_the_heaviest_strikes_are_the_heaviest_wherever_they_are() -> None:
    """Calls below the forward and puts above it count as well, the lower of two equal ones first."""
    assert heaviest(STRIKES, [50, 9, 3, 8]).tolist() == [100.0, 110.0, 130.0]
    assert heaviest(STRIKES, [7, 9, 9, 0], count=5).tolist() == [110.0, 120.0, 100.0]
    assert heaviest(STRIKES, [0, 0, 0, np.nan]).size == 0


def test_heaviest_open_interest_of_real_chains_is_true(shared_data: Path) -> None:
    """No strike of a real chain has more open interest than the first that is named, on either side."""
    for chain in read_chain(shared_data / "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz")[:8]:
        found, table = snapshot_analytics(chain), chain.table
        for right, named in (("CE", found.heaviest_calls), ("PE", found.heaviest_puts)):
            side = table[table["right"] == right].set_index("strike")["oi"]
            assert side[named[0]] == side.max()
            assert side[list(named)].tolist() == side.nlargest(len(named)).tolist()


def test_a_synthetic_future_uses_both_sides() -> None:
    """A synthetic future is strike plus the gap of call and put over the discount."""
    call, put = np.array([14.0, 7.0, 3.0, 1.0]), np.array([1.0, 4.0, 9.0, np.nan])
    implied = synthetic_future(STRIKES, call, put, discount=0.5)
    np.testing.assert_allclose(implied, [126.0, 116.0, 108.0, np.nan])
    np.testing.assert_allclose(synthetic_future(STRIKES, call, put), [113.0, 113.0, 114.0, np.nan])


def test_gamma_exposure_counts_calls_for_and_puts_against() -> None:
    """Equal gamma and open interest cancel; one lot of calls adds gamma times forward squared per cent."""
    assert gamma_exposure([0.01], [0.01], [100], [100], 50.0).tolist() == [0.0]
    assert gamma_exposure([0.01], [np.nan], [100], [70], 50.0).tolist() == [pytest.approx(25.0)]


def test_a_snapshot_gives_all_of_it(make_chain: Any) -> None:
    """A chain's analytics agree with the functions applied to its columns."""
    chain = make_chain()
    found = snapshot_analytics(chain)
    assert found.pcr_oi == 1.0
    assert found.atmf_strike == chain.atmf_strike
    straddle = chain.price(chain.atmf_strike, "CE") + chain.price(chain.atmf_strike, "PE")
    assert found.straddle_inr == pytest.approx(straddle)
    assert found.synthetic_future == pytest.approx(chain.forward, abs=0.2)
    gap = chain.price(chain.atmf_strike, "CE") - chain.price(chain.atmf_strike, "PE")
    assert found.synthetic_future == chain.atmf_strike + gap / chain.discount
    assert found.gamma_exposure.shape == (len(chain.strikes),)
    assert max(found.support) <= chain.forward <= min(found.resistance)


def test_a_snapshot_says_what_was_built_up(make_chain: Any) -> None:
    """Changes of open interest are summed by side, and each strike's build-up is named; unknown stays so."""
    chain = make_chain(strikes=5)
    frame = chain.table.assign(oi_change=[30.0, -60.0, 90.0, np.nan, *[0.0] * 6], ltp_change=1.0)
    found = snapshot_analytics(replace(chain, frame=frame))
    assert (found.call_oi_change, found.put_oi_change) == (120.0, -60.0)
    assert found.call_build_up.tolist() == ["long build-up", "long build-up", *["unchanged"] * 3]
    assert found.put_build_up.tolist() == ["short covering", "unknown", *["unchanged"] * 3]
    columns = (frame[name].to_numpy() for name in ("right", "bid", "ask", "ltp", "oi", "volume"))
    changes = {name: frame[name].to_numpy() for name in ("oi_change", "ltp_change")}
    whole = analyse([0] * 10, frame["strike"], *columns, 0.05, spot=chain.spot, rate=0.055, **changes)
    assert whole.analytics[0].put_build_up.tolist() == found.put_build_up.tolist()
    assert whole.analytics[0].call_oi_change == 120.0
    unknown = snapshot_analytics(make_chain(strikes=5))
    assert set(unknown.call_build_up) == {"unknown"}
    live = snapshot_analytics(replace(chain, frame=frame.assign(oi_change=np.nan)))
    assert np.isnan(live.call_oi_change)


def test_without_a_forward_nothing_is_at_the_money() -> None:
    """Where parity, future and spot are missing, what needs a forward is NaN and the rest is not."""
    ones = np.ones(8)
    strike, call = np.repeat(STRIKES, 2), np.arange(8) % 2 == 0
    found = analyse(ones, strike, call, ones * np.nan, ones, ones, ones, ones, 0.1, spot=np.nan, rate=0.06)
    scored = found.analytics[0]
    assert np.isnan([scored.atmf_strike, scored.straddle_inr, scored.synthetic_future]).all()
    assert (scored.pcr_oi, scored.support) == (1.0, ())


def test_a_last_trade_beyond_the_only_quote_counts_nowhere(make_chain: Any) -> None:
    """With an ask of 100 and nobody bidding, a last trade at 1,800 gives neither price nor volatility.

    In the money it would have that of its counterpart.
    """
    chain = make_chain()
    frame, right = chain.table, "CE" if chain.atmf_strike > chain.forward else "PE"
    row = frame.index[(frame["strike"] == chain.atmf_strike) & (frame["right"] == right)]
    frame.loc[row, ["bid", "ask", "ltp", "volume"]] = [np.nan, 100.0, 1_800.0, 0.0]
    stale = replace(chain, frame=frame)
    assert np.isnan(stale.price(chain.atmf_strike, right))
    assert np.isnan(snapshot_analytics(stale).straddle_inr)
    columns = (frame[name].to_numpy() for name in ("right", "bid", "ask", "ltp", "oi", "volume"))
    found = analyse(
        np.zeros(len(frame)), frame["strike"], *columns, chain.t_years, spot=chain.spot, rate=0.055
    )
    at = frame.index.get_loc(row[0])
    assert np.isnan(found.greeks.iv[at])
    assert found.greeks.reason[at] == Reason.MISSING


def test_a_snapshot_prices_its_variance(make_chain: Any) -> None:
    """The variance of all options together lies a little above that at the money, as wings demand."""
    chain = make_chain(atm_iv=0.14)
    assert 0.14 < np.sqrt(snapshot_variance(chain)) < 0.15


def test_a_whole_chain_in_one_call_equals_its_expiries_one_by_one(make_chain: Any) -> None:
    """Several expiries, shuffled, give row for row what each gives alone."""
    chains = [make_chain(days=days, forward=forward) for days, forward in ((7, 55_000.0), (35, 55_300.0))]
    rows: list[list[Any]] = [[], [], [], [], [], [], [], [], []]
    for number, chain in enumerate(chains):
        table = chain.table
        parts = (table[name].to_numpy() for name in ("bid", "ask", "ltp", "oi", "volume"))
        call, years = table["right"].to_numpy() == "CE", np.full(len(table), chain.t_years)
        columns = [np.full(len(table), number), table["strike"].to_numpy(), call, *parts, years]
        for store, column in zip(rows, columns, strict=True):
            store.append(column)
    together = [np.concatenate(parts) for parts in rows]
    order = np.random.default_rng(2).permutation(together[0].size)
    found = analyse(*(column[order] for column in together), spot=55_000.0, rate=0.055)
    for number, chain in enumerate(chains):
        alone = analyse(*(column[number] for column in rows), spot=55_000.0, rate=0.055)
        mine = np.argsort(order)[together[0] == number]
        np.testing.assert_array_equal(found.greeks.iv[mine], alone.greeks.iv)
        assert found.forwards[number] == alone.forwards[0]
        assert found.forwards[number].value == pytest.approx(chain.forward, abs=0.2)
        assert found.analytics[number].max_pain == alone.analytics[0].max_pain


def test_a_crossed_quote_in_the_money_takes_its_twin() -> None:
    """A call bid above its ask, last traded below intrinsic value, has the volatility of its put."""
    strike = np.repeat([40_000.0, 42_900.0, 43_000.0, 43_100.0], 2)
    call, ones = np.tile([True, False], 4), np.ones(8)
    middle = np.array([2_995.0, 40.0, 450.0, 350.0, 400.0, 400.0, 350.0, 450.0])
    bid, ask = middle - 1, middle + 1
    bid[0], ask[0] = 3_010.0, 2_990.0
    found = analyse(ones, strike, call, bid, ask, middle, ones, ones, 0.02, spot=43_000.0, rate=0.0)
    assert found.from_counterpart[0]
    assert found.greeks.iv[0] == pytest.approx(found.greeks.iv[1], rel=1e-9)


def test_quotes_without_bound_are_none() -> None:
    """An infinite ask on both sides is no quote, and nothing is said about it but NaN."""
    strike, call, ones = np.repeat(STRIKES, 2), np.tile([True, False], 4), np.ones(8)
    none, endless = ones * np.nan, ones * np.inf
    found = analyse(ones, strike, call, ones, endless, none, ones, ones, 0.02, spot=115.0, rate=0.0)
    assert found.forwards[0].source == "spot"
    assert np.isnan(found.greeks.iv).all()
    forward = implied_forward(STRIKES, *[np.ones(4), np.full(4, np.inf)] * 2, 0.02, spot=115.0, rate=0.0)
    assert forward.value == 115.0


def test_as_many_futures_as_expiries() -> None:
    """One future for two expiries, or two for one, is refused with the number that fits."""
    strike, call, ones = np.repeat(STRIKES, 2), np.tile([True, False], 4), np.ones(8)
    for expiry, future, number in (([0, 1] * 4, 115.0, 2), ([0] * 8, [115.0, 116.0], 1)):
        with pytest.raises(DataError, match=f"{number} expiries"):
            analyse(expiry, strike, call, *[ones] * 5, 0.02, spot=115.0, rate=0.0, future=future)
    none = ones * np.nan
    alone = analyse([0] * 8, strike, call, *[none] * 5, 0.02, spot=115.0, rate=0.0, future=117.0)
    assert (alone.forwards[0].value, alone.forwards[0].source) == (117.0, "future")


def test_a_deep_option_is_priced_from_its_twin() -> None:
    """An in-the-money quote below intrinsic value takes its volatility from the other side."""
    strike = np.array([40_000.0, 40_000.0, 42_900.0, 42_900.0, 43_000.0, 43_000.0, 43_100.0, 43_100.0])
    call = np.array([True, False] * 4)
    middle = np.array([3_050.0, 40.0, 450.0, 350.0, 400.0, 400.0, 350.0, 450.0])
    width = np.array([200.0, 1.0, *[1.0] * 6])
    found = analyse(
        np.zeros(8),
        strike,
        call,
        middle - width,
        middle + width,
        middle,
        middle,
        middle,
        0.02,
        spot=43_000.0,
        rate=0.0,
    )
    assert found.from_counterpart.tolist() == [True, *[False] * 7]
    assert found.greeks.iv[0] == pytest.approx(found.greeks.iv[1], rel=1e-9)
