"""Real quotes of the exchange: 2019 snapshots, 2020 settlements, 2023 chain and intraday bars."""

from __future__ import annotations

import csv
import io
import re
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kit.chains.readers.detect import read_chain
from kit.clock import IST, expiries, parse_day, years_to_expiry
from kit.model import ChainSnapshot
from kit.pricing.analytics import snapshot_variance
from kit.pricing.chain import ChainAnalysis, analyse
from kit.pricing.forward import implied_forward
from kit.pricing.surface import fit_surface

JSON = "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz"


@pytest.fixture(scope="module")
def chain_2023(shared_data: Path) -> list[ChainSnapshot]:
    """Ten expiries of 3 May 2023, 15:30."""
    return read_chain(shared_data / JSON)


def whole(chains: list[ChainSnapshot]) -> tuple[pd.DataFrame, ChainAnalysis]:
    """Analyse all expiries in one call."""
    table = pd.concat([chain.table.assign(expiry=chain.expiry, years=chain.t_years) for chain in chains])
    columns = (table[name].to_numpy() for name in ("bid", "ask", "ltp", "oi", "volume", "years"))
    call = table["right"].to_numpy() == "CE"
    when = table["expiry"].to_numpy("datetime64[D]")
    found = analyse(when, table["strike"].to_numpy(), call, *columns, spot=chains[0].spot, rate=0.068)
    return table, found


def liquid(table: pd.DataFrame, forward: Any) -> np.ndarray:
    """Mark what was traded, is quoted on both sides and lies within 10 % of the forward."""
    near = np.abs(table["strike"].to_numpy() / forward - 1) < 0.10
    quoted = (table["bid"] > 0) & (table["ask"] > 0) & (table["volume"] > 0)
    return near & quoted.to_numpy()


def test_the_2023_chain_gives_forwards_near_the_traded_one(chain_2023: list[ChainSnapshot]) -> None:
    """The monthly forward is near 43,322, not the spot of 43,312.7; far expiries say they use the carry."""
    _, found = whole(chain_2023)
    assert len(found.forwards) == 10
    monthly = found.forwards[3]
    assert str(found.expiries[3]) == "2023-05-25"
    assert monthly.source == "parity"
    assert monthly.value == pytest.approx(43_322, abs=1.5)
    assert monthly.error_inr < 1
    assert found.forwards[-1].source == "carry"
    assert found.forwards[-1].value == pytest.approx(44_300, abs=50)  # where the bill rate says 45,930


def test_the_2023_chain_has_a_volatility_for_every_liquid_quote(chain_2023: list[ChainSnapshot]) -> None:
    """No traded, two-sided quote within 10 % of the forward is NaN; calls agree with puts near the money."""
    table, found = whole(chain_2023)
    forward = np.array(
        [
            found.forwards[at].value
            for at in np.searchsorted(found.expiries, table["expiry"].to_numpy("datetime64[D]"))
        ]
    )
    rows = liquid(table, forward)
    assert rows.sum() > 450
    assert np.isfinite(found.greeks.iv[rows]).all()
    smile = table.assign(iv=found.greeks.iv)[rows & (np.abs(table["strike"] / forward - 1) < 0.01)]
    sides = smile[smile["expiry"] <= date(2023, 5, 25)].pivot(
        index=["expiry", "strike"], columns="right", values="iv"
    )
    assert (sides["CE"] - sides["PE"]).abs().median() < 0.002


def test_the_2023_chain_gives_one_surface(chain_2023: list[ChainSnapshot]) -> None:
    """Its smiles fit the core of the market, are free of butterfly arbitrage, and flag what is off."""
    surface = fit_surface(chain_2023)
    assert len(surface.slices) >= 7
    moneyness = np.linspace(-0.6, 0.6, 601)
    for piece in surface.slices:
        assert (piece.density_sign(moneyness) >= 0).all()
    monthly = surface.slices[surface.expiries.index(date(2023, 5, 25))]
    assert monthly.fit_error < 0.006
    assert 0.12 < monthly.atm_iv < 0.14
    thin = next(chain for chain in chain_2023 if chain.expiry == date(2023, 6, 1))
    tight = thin.quote(44_500.0, "CE")  # 197.80 to 200.30 among quotes that are ten times as wide
    assert surface.iv(44_500.0, thin.expiry) == pytest.approx(tight["iv"], abs=0.002)


def test_a_sparse_chain_has_no_variance(chain_2023: list[ChainSnapshot]) -> None:
    """Eight priced strikes of 27 July say nothing of all strikes; the monthly chain does."""
    found = {chain.expiry: np.sqrt(snapshot_variance(chain)) for chain in chain_2023}
    assert np.isnan(found[date(2023, 7, 27)])
    assert 0.13 < found[date(2023, 5, 25)] < 0.16


def snapshots_2019(shared_data: Path) -> Iterator[tuple[datetime, date, pd.DataFrame]]:
    """Yield the saved chain pages: when, which expiry, and its numbers by column."""
    with tarfile.open(shared_data / "chain/rohm_BANKNIFTY_nse_chain_2019-05.tar.xz") as archive:
        for member in archive:
            stamp = re.search(r"(\d\d)-(\d\d)-(\d{4})_(\d\d)-(\d\d)\.csv$", member.name)
            if stamp is None:
                continue
            day, month, year, hour, minute = map(int, stamp.groups())
            folder = Path(member.name).parent.name
            content = archive.extractfile(member)
            assert content is not None
            table = pd.read_csv(content, na_values=["-"])
            named = folder[0].isdigit()
            expiry = parse_day(folder.zfill(9)) if named else expiries(date(year, month, day))[0]
            yield datetime(year, month, day, hour, minute, tzinfo=IST), expiry, table


def test_the_election_week_of_2019_has_a_volatility_for_every_liquid_quote(shared_data: Path) -> None:
    """None of over 33,000 liquid quotes is NaN, also where there are too few pairs for parity."""
    seen = missing = 0
    for taken_at, expiry, page in snapshots_2019(shared_data):
        years, strike = years_to_expiry(taken_at, expiry), page["StrikePrice"].to_numpy(np.float64)
        if years <= 0:
            continue
        both = {
            name: page[[f"Call{name}", f"Put{name}"]].to_numpy(np.float64).T.ravel()
            for name in ("BidPrice", "AskPrice", "LTP", "OI", "Volume")
        }
        spot = float(page["CurrentVal"].iloc[0]) if "CurrentVal" in page else float("nan")
        sides = np.arange(2 * strike.size) < strike.size
        strikes = np.concatenate([strike, strike])
        found = analyse(np.zeros(sides.size), strikes, sides, *both.values(), years, spot=spot, rate=0.064)
        table = pd.DataFrame(
            {"strike": strikes, "bid": both["BidPrice"], "ask": both["AskPrice"], "volume": both["Volume"]}
        )
        rows = liquid(table, found.forwards[0].value)
        seen += int(rows.sum())
        missing += int(np.isnan(found.greeks.iv[rows]).sum())
    assert seen > 33_000
    assert missing == 0


@pytest.mark.parametrize(
    ("name", "day"), [("fo01JAN2020bhav", date(2020, 1, 1)), ("fo02JAN2020bhav", date(2020, 1, 2))]
)
def test_settlement_prices_of_2020_agree_with_the_future(shared_data: Path, name: str, day: date) -> None:
    """The parity forward of the traded January strikes is within 7 points of the January future."""
    with zipfile.ZipFile(shared_data / f"eod/{name}.csv.zip") as archive:
        rows = [
            row
            for row in csv.DictReader(io.StringIO(archive.read(archive.namelist()[0]).decode()))
            if row["SYMBOL"] == "BANKNIFTY" and row["EXPIRY_DT"] == "30-Jan-2020"
        ]
    future = next(float(row["SETTLE_PR"]) for row in rows if row["INSTRUMENT"] == "FUTIDX")
    settled = (
        pd.DataFrame(
            [
                (float(row["STRIKE_PR"]), row["OPTION_TYP"], float(row["SETTLE_PR"]))
                for row in rows
                if float(row["CONTRACTS"]) > 0
            ],
            columns=["strike", "right", "price"],
        )
        .query("right != 'XX'")
        .pivot(index="strike", columns="right", values="price")
    )
    call, put = settled["CE"].to_numpy(), settled["PE"].to_numpy()
    years = years_to_expiry(datetime(day.year, day.month, day.day, 15, 30, tzinfo=IST), date(2020, 1, 30))
    found = implied_forward(
        settled.index.to_numpy(), call, call, put, put, years, spot=float("nan"), rate=0.05
    )
    assert found.source == "parity"
    assert abs(found.value - future) <= 7


def test_a_bhavcopy_prefers_what_was_traded(shared_data: Path) -> None:
    """From all strikes of a settlement file, theory included, the forward stays at the future."""
    chains = {chain.expiry: chain for chain in read_chain(shared_data / "eod/fo02JAN2020bhav.csv.zip")}
    assert abs(chains[date(2020, 1, 30)].forward - 32_579.15) <= 7
    assert chains[date(2020, 1, 30)].forward_from == "parity"


def test_minute_bars_of_2023_agree_with_the_future(shared_data: Path) -> None:
    """Through a whole day the parity forward stays at the future of its expiry, as near as it says."""
    bars = pd.read_feather(shared_data / "intraday/BANKNIFTY_JF_FNO_10042023.feather")
    bars = bars[(bars["Close"] > 0) & (bars["Volume"] > 0)]
    future = bars[bars["Symbol"] == "BANKNIFTY-I"].set_index("TickTime")["Close"]
    options = bars[bars["Symbol"].str.contains("27APR23")]
    options = options.assign(
        strike=options["Symbol"].str[16:-2].astype(float), right=options["Symbol"].str[-2:]
    )
    gaps, errors = [], []
    for moment, minute in options.groupby("TickTime"):
        pairs = minute.pivot(index="strike", columns="right", values="Close").dropna()
        if moment not in future.index:
            continue
        call, put = pairs["CE"].to_numpy(), pairs["PE"].to_numpy()
        years = years_to_expiry(moment.to_pydatetime().replace(tzinfo=IST), date(2023, 4, 27))
        found = implied_forward(
            pairs.index.to_numpy(), call, call, put, put, years, spot=float("nan"), rate=0.068
        )
        assert found.source == "parity"
        gaps.append(found.value - future[moment])
        errors.append(found.error_inr)
    assert len(gaps) > 370
    assert abs(np.mean(gaps)) < 1.5
    assert np.std(gaps) < 6.4
    missed = np.abs(gaps) / np.array(errors)
    assert 0.6 < np.mean(missed < 1) < 0.8  # the error is a standard error also where the pairs are trades
    assert 0.9 < np.mean(missed < 2) < 0.99


@pytest.mark.parametrize(
    ("file", "liquid_quotes"),
    [
        (JSON, 490),
        ("chain/option-chain-ED-BANKNIFTY-28-Apr-2026.csv", 200),
        ("chain/option-chain-ED-BANKNIFTY-26-May-2026.csv", 150),
        ("eod/fo01JAN2020bhav.csv.zip", 220),
        ("eod/fo02JAN2020bhav.csv.zip", 165),
        ("eod/fo_udiff_20260826_BANKNIFTY_rows.csv", 25),
    ],
)
def test_every_file_has_a_volatility_for_every_liquid_quote(
    shared_data: Path, file: str, liquid_quotes: int
) -> None:
    """No traded, two-sided quote within 10 % of the forward is NaN in any file that can be read."""
    seen = 0
    for chain in read_chain(shared_data / file):
        if chain.t_years > 0:
            rows = chain.table[liquid(chain.table, chain.forward)]
            seen += len(rows)
            assert rows["iv"].notna().all(), (chain.expiry, rows[rows["iv"].isna()])
    assert seen >= liquid_quotes


def test_minute_bars_of_2022_lie_above_the_spot(shared_data: Path) -> None:
    """On 30 December 2022 the parity forward of 5 January is 32.8 points above the spot, give or take 11."""
    bars = pd.read_parquet(shared_data / "intraday/bnf_20221230.parquet")
    spot = bars[bars["symbol"] == "BANKNIFTY"].set_index("time")["close"].astype(float)
    options = bars[bars["symbol"].str.contains("05JAN23")]
    options = options.assign(
        strike=options["symbol"].str[16:-2].astype(float),
        right=options["symbol"].str[-2:],
        close=options["close"].astype(float),
    )
    gaps = []
    for clock, minute in options.groupby("time"):
        if clock not in spot.index:
            continue
        pairs = minute.pivot(index="strike", columns="right", values="close").dropna()
        call, put = pairs["CE"].to_numpy(), pairs["PE"].to_numpy()
        at = datetime.fromisoformat(f"2022-12-30T{clock}").replace(tzinfo=IST)
        years = years_to_expiry(at, date(2023, 1, 5))
        found = implied_forward(pairs.index.to_numpy(), call, call, put, put, years, spot=np.nan, rate=0.064)
        gaps.append(found.value - spot[clock])
    assert len(gaps) >= 375
    assert np.mean(gaps) == pytest.approx(32.8, abs=1)
    assert np.std(gaps) == pytest.approx(10.9, abs=1)


def test_traded_closes_of_2025_agree_with_the_futures(shared_data: Path) -> None:
    """On 14 November 2025 the parity forwards of three expiries are within 15 points of their futures."""
    with zipfile.ZipFile(shared_data / "eod/fo14112025.zip") as archive:
        names = {"EXP_DATE": "expiry", "STR_PRICE": "strike", "OPT_TYPE": "right", "CLOSE_PRICE": "price"}
        tables = []
        for member in ("fo14112025.csv", "op14112025.csv"):
            with archive.open(member) as file:
                table = pd.read_csv(file, skipinitialspace=True).rename(columns=str.strip)
            tables.append(table[table["SYMBOL"].str.strip() == "BANKNIFTY"].rename(columns=names))
    futures = tables[0].set_index("expiry")["price"]
    taken_at = datetime(2025, 11, 14, 15, 30, tzinfo=IST)
    for expiry, parity in (("25/11/2025", 58_636), ("30/12/2025", 58_998), ("27/01/2026", 59_320)):
        rows = tables[1][tables[1]["expiry"] == expiry]
        pairs = rows.pivot(index="strike", columns="right", values="price").rename(columns=str.strip).dropna()
        call, put = pairs["CE"].to_numpy(), pairs["PE"].to_numpy()
        years = years_to_expiry(taken_at, datetime.strptime(expiry, "%d/%m/%Y").date())
        found = implied_forward(pairs.index.to_numpy(), call, call, put, put, years, spot=np.nan, rate=0.055)
        assert found.source == "parity"
        assert found.value == pytest.approx(parity, abs=3)
        assert found.value == pytest.approx(futures[expiry], abs=15)


FUTURES = {"BANKNIFTY-II": ("25MAY23", date(2023, 5, 25)), "BANKNIFTY-III": ("29JUN23", date(2023, 6, 29))}


@pytest.mark.parametrize("name", FUTURES)
def test_a_thin_month_knows_how_little_it_knows(shared_data: Path, name: str) -> None:
    """Three trades in ten minutes may lie on a line by chance: the future is within three errors all day."""
    bars = pd.read_feather(shared_data / "intraday/BANKNIFTY_JF_FNO_10042023.feather")
    bars = bars[(bars["Close"] > 0) & (bars["Volume"].groupby(bars["Symbol"]).diff() > 0)]
    future = bars[bars["Symbol"] == name].set_index("TickTime")["Close"]
    options = bars[bars["Symbol"].str.contains(FUTURES[name][0])]
    options = options.assign(
        strike=options["Symbol"].str[16:-2].astype(float), right=options["Symbol"].str[-2:]
    )
    missed = []
    for moment in future.index[10::6]:
        recent = options[options["TickTime"].between(moment - pd.Timedelta(minutes=10), moment)]
        pairs = recent.pivot_table(index="strike", columns="right", values="Close", aggfunc="last")
        pairs = pairs.reindex(columns=["CE", "PE"]).dropna()
        call, put = pairs["CE"].to_numpy(), pairs["PE"].to_numpy()
        years = years_to_expiry(moment.to_pydatetime().replace(tzinfo=IST), FUTURES[name][1])
        found = implied_forward(
            pairs.index.to_numpy(), call, call, put, put, years, spot=float("nan"), rate=0.068
        )
        if found.source == "parity":
            missed.append(abs(found.value - future[moment]) / found.error_inr)
    assert len(missed) > 30
    assert max(missed) < 3
    assert np.mean(np.array(missed) < 2) > 0.9


def pairs_of_2019(shared_data: Path) -> Iterator[tuple[float, list[np.ndarray], float]]:
    """Yield years, strike with bid and ask of call and put, and spot of every saved page."""
    for taken_at, expiry, page in snapshots_2019(shared_data):
        if (years := years_to_expiry(taken_at, expiry)) > 0:
            names = ("StrikePrice", "CallBidPrice", "CallAskPrice", "PutBidPrice", "PutAskPrice")
            spot = float(page["CurrentVal"].iloc[0]) if "CurrentVal" in page else float("nan")
            yield years, [page[name].to_numpy(np.float64) for name in names], spot


def test_no_forward_can_be_traded_against_for_certain(shared_data: Path) -> None:
    """On 500 real pages the forward lies within what every two-sided pair allows, where those agree."""
    judged = 0
    for years, quotes, spot in pairs_of_2019(shared_data):
        found = implied_forward(*quotes, years, spot=spot, rate=0.064)
        strike, call_bid, call_ask, put_bid, put_ask = quotes
        high = np.nanmin(strike + (call_ask - put_bid) / found.discount, initial=np.inf)
        low = np.nanmax(strike + (call_bid - put_ask) / found.discount, initial=-np.inf)
        if low <= high and np.isfinite(found.value):
            judged += 1
            assert low - 1e-6 <= found.value <= high + 1e-6
    assert judged > 100


def test_the_error_of_a_forward_from_quotes_covers_what_it_misses(shared_data: Path) -> None:
    """Forwards of every second strike and of the others differ by 2 errors in 1 to 8 % of 400 pages."""
    missed = []
    for years, quotes, spot in pairs_of_2019(shared_data):
        halves = [
            implied_forward(*[side[start::2] for side in quotes], years, spot=spot, rate=0.064)
            for start in (0, 1)
        ]
        if all(half.source == "parity" for half in halves):
            error = np.hypot(halves[0].error_inr, halves[1].error_inr)
            missed.append(abs(halves[0].value - halves[1].value) / error)
    assert len(missed) > 400
    assert 0.92 < np.mean(np.array(missed) < 2) < 0.99
    assert 0.6 < np.mean(np.array(missed) < 1) < 0.9


def closes_beside_futures(shared_data: Path) -> Iterator[tuple[float, pd.DataFrame, float]]:
    """Yield years, closes of traded pairs by strike and the future of every series that three files hold."""
    for day, file in ((date(2020, 1, 1), "fo01JAN2020bhav.csv"), (date(2020, 1, 2), "fo02JAN2020bhav.csv")):
        table = pd.read_csv(shared_data / f"eod/{file}.zip").rename(columns=str.strip)
        table = table[(table["CONTRACTS"] > 0) & table["INSTRUMENT"].isin(["FUTIDX", "OPTIDX"])]
        yield from _series(table.assign(expiry=pd.to_datetime(table["EXPIRY_DT"], format="%d-%b-%Y")), day)
    names = {"STR_PRICE": "STRIKE_PR", "OPT_TYPE": "OPTION_TYP", "CLOSE_PRICE": "CLOSE"}
    with zipfile.ZipFile(shared_data / "eod/fo14112025.zip") as archive:
        parts = []
        for member in ("fo14112025.csv", "op14112025.csv"):
            with archive.open(member) as file:
                parts.append(pd.read_csv(file, skipinitialspace=True).rename(columns=str.strip))
    table = pd.concat(parts).rename(columns=names)
    table["OPTION_TYP"] = table["OPTION_TYP"].str.strip()
    table["expiry"] = pd.to_datetime(table["EXP_DATE"], format="%d/%m/%Y")
    yield from _series(table[table["SYMBOL"].str.strip().str.endswith("NIFTY")], date(2025, 11, 14))


def _series(table: pd.DataFrame, day: date) -> Iterator[tuple[float, pd.DataFrame, float]]:
    options = table["OPTION_TYP"].isin(["CE", "PE"])
    futures = table[~options].set_index(["SYMBOL", "expiry"])["CLOSE"]
    for key, rows in table[options].groupby(["SYMBOL", "expiry"]):
        pairs = rows.pivot(index="STRIKE_PR", columns="OPTION_TYP", values="CLOSE").dropna()
        if key in futures.index and len(pairs) >= 3:
            taken_at = datetime(day.year, day.month, day.day, 15, 30, tzinfo=IST)
            yield years_to_expiry(taken_at, key[1].date()), pairs, float(futures[key])


def test_the_error_of_a_forward_from_closes_covers_far_months_too(shared_data: Path) -> None:
    """On three days of closes, of four indices and three months, futures lie within two errors."""
    missed, far = [], []
    for years, pairs, future in closes_beside_futures(shared_data):
        call, put = pairs["CE"].to_numpy(), pairs["PE"].to_numpy()
        found = implied_forward(
            pairs.index.to_numpy(np.float64), call, call, put, put, years, spot=np.nan, rate=0.055
        )
        assert found.source == "parity"
        missed.append(abs(found.value - future) / found.error_inr)
        far.append(years > 0.1)
    assert (len(missed), sum(far)) == (19, 11)
    assert max(missed) < 2
    assert 0.6 < np.mean(np.array(missed)[far] < 1) < 0.95
