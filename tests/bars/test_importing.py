"""Minutes of vendors: the three real shapes to the last cell, their like in other dress, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kit.bars.importing import import_files
from kit.bars.importing.symbols import Meaning, meaning
from kit.bars.importing.times import minutes_since_epoch
from kit.bars.minute_store import MinuteStore
from kit.bars.minutes import OHLC, DayMinutes
from kit.cli import main
from kit.errors import ContradictingBars, DataError, KitError

MONDAY, EXPIRY = date(2024, 1, 8), date(2024, 1, 10)
SYMBOLS = ["BANKNIFTY10JAN2447900CE", "BANKNIFTY10JAN2447900PE", "BANKNIFTY10JAN2448000CE"]


@pytest.fixture(scope="session")
def imported(shared_data: Path, tmp_path_factory) -> tuple[MinuteStore, object]:
    """Return a store of all real files, and the report."""
    store = MinuteStore(tmp_path_factory.mktemp("store"))
    return store, import_files([shared_data / "intraday"], store)


def contract(day: DayMinutes, expiry: date, strike: int, right: str) -> pd.DataFrame:
    """Return one contract's bars by minute, prices in rupees."""
    row = day.rows[expiry, strike, right]
    table = pd.DataFrame({name: getattr(day, name)[row] / 20 for name in OHLC}, index=day.minutes)
    return table.assign(traded=day.traded[row])[table["close"] > 0]


def minute_of(times: pd.Series) -> list[int]:
    """Return ``09:15:00`` as minutes since midnight."""
    parts = times.astype(str).str.split(":", expand=True).astype(int)
    return (parts[0] * 60 + parts[1]).tolist()


def test_text_columns(shared_data: Path, imported):
    """30 December 2022, all text: every contract's bars are there, the index and the future beside them."""
    store, _ = imported
    day = store.day(date(2022, 12, 30))
    raw = pd.read_parquet(shared_data / "intraday" / "bnf_20221230.parquet")
    raw = raw.assign(minute=minute_of(raw["time"]))
    raw = raw[raw["minute"] < 930]
    for symbol, bars in raw[raw["symbol"].str.contains("05JAN23")].groupby("symbol"):
        found = contract(day, date(2023, 1, 5), int(symbol[16:-2]), symbol[-2:])
        ordered = bars.sort_values("minute")
        assert found.index.tolist() == ordered["minute"].tolist()
        np.testing.assert_allclose(found[list(OHLC)], ordered[list(OHLC)].astype(float))
        assert found["traded"].all()
    index = raw[raw["symbol"] == "BANKNIFTY"].sort_values("minute")
    np.testing.assert_allclose(day.index[3], index["close"].astype(float))
    assert np.isfinite(day.future[3]).sum() == (raw["symbol"] == "BANKNIFTY-I").sum()


def test_volume_that_grows(shared_data: Path, imported):
    """10 April 2023, cumulative volume, zeros before the first trade: minutes in which it grew are trades."""
    store, report = imported
    day = store.day(date(2023, 4, 10))
    raw = pd.read_feather(shared_data / "intraday" / "BANKNIFTY_JF_FNO_10042023.feather")
    raw = raw.assign(minute=minute_of(raw["Time"])).sort_values("minute", kind="stable")
    for symbol in ("BANKNIFTY13APR2341000CE", "BANKNIFTY13APR2341000PE", "BANKNIFTY27APR2340000PE"):
        bars = raw[raw["Symbol"] == symbol]
        grew = bars["Volume"].diff().fillna(bars["Volume"]) > 0
        kept = (bars[["Open", "High", "Low", "Close"]] > 0).all(axis=1) & (bars["minute"] < 930)
        found = contract(day, date(2023, 4, int(symbol[9:11])), int(symbol[16:-2]), symbol[-2:])
        assert found.index.tolist() == bars["minute"][kept].tolist()
        assert found["traded"].tolist() == grew[kept].tolist()
    row = report.files.loc["BANKNIFTY_JF_FNO_10042023.feather"]
    assert row["zero_prices"] > 40_000
    assert "differences taken" in row["notes"]
    assert any("at odds with themselves" in note for note in day.notes)


def test_one_file_per_contract(shared_data: Path, imported):
    """January 2024, strike in the file's name, expiry in its folder's: carried bars do not trade."""
    store, report = imported
    raw = pd.read_parquet(shared_data / "intraday" / "bnf_exp_20240110" / "47600CE.parquet")
    raw = raw[raw["date"].dt.date == MONDAY]
    found = contract(store.day(MONDAY), EXPIRY, 47_600, "CE")
    np.testing.assert_allclose(found[list(OHLC)], raw[list(OHLC)])
    assert found["traded"].tolist() == (raw["volume"] > 0).tolist()
    assert set(store.day(MONDAY).lot_size.tolist()) == {15}
    assert len(report.days) == 26
    assert not report.failed


def test_the_index_that_calls_itself_nifty(shared_data: Path, imported):
    """The spot file whose column says NIFTY is taken for what its name says, and the report says so."""
    store, report = imported
    raw = pd.read_csv(shared_data / "intraday" / "BNF_spot_1min_20240101_20240110.csv.gz")
    closes = raw.loc[raw["Date"] == 20240108, "Close"]
    np.testing.assert_allclose(store.day(MONDAY).index[3], closes)
    assert "calls itself NIFTY" in report.files.loc["BNF_spot_1min_20240101_20240110.csv.gz", "notes"]


def test_again_changes_nothing(shared_data: Path, imported, tmp_path):
    """The same file again is counted as duplicates, and another price in it is refused with both."""
    file = shared_data / "intraday" / "bnf_20221230.parquet"
    store = MinuteStore(tmp_path)
    import_files([file], store)
    import_files([file], store)
    assert store.manifest()["duplicates"].tolist() == [37_960]
    raw = pd.read_parquet(file)
    raw.loc[raw["symbol"].str.endswith("CE"), ["open", "high", "low", "close"]] = "7.05"
    raw.to_parquet(tmp_path / "other.parquet")
    with pytest.raises(ContradictingBars, match=r"bnf_20221230\.parquet and other\.parquet"):
        import_files([tmp_path / "other.parquet"], store)


def long_table() -> pd.DataFrame:
    """Return a plain long table of three contracts, a whole session each."""
    draw = np.random.default_rng(5)
    parts = []
    for symbol in SYMBOLS:
        close = draw.integers(2_000, 2_400, 375) / 20
        at = pd.date_range("2024-01-08 09:15", periods=375, freq="min")
        table = pd.DataFrame(
            {"at": at, "symbol": symbol, "open": close - 1, "high": close + 2, "low": close - 3}
        )
        parts.append(table.assign(close=close, volume=15 * draw.integers(1, 9, 375)))
    return pd.concat(parts, ignore_index=True)


def expected(folder: Path) -> DayMinutes:
    """Return the session that every dress of the table must give."""
    table = long_table()
    parts = table["symbol"].str.extract(r"(\d{5})(CE|PE)$")
    bars = table.assign(
        expiry=EXPIRY, strike=parts[0].astype(int), option_type=parts[1], traded=True,
        minute=table["at"].dt.hour * 60 + table["at"].dt.minute,
    )  # fmt: skip
    return DayMinutes.from_table("BANKNIFTY", MONDAY, bars)


def split(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its contracts in columns of their own."""
    parts = table["symbol"].str.extract(r"(\d{5})(CE|PE)$")
    return table.drop(columns="symbol").assign(strike=parts[0], option_type=parts[1], expiry="2024-01-10")


def side_by_side(table: pd.DataFrame) -> pd.DataFrame:
    """Return calls and puts of a strike in one row."""
    wide = split(table).pivot(index=["at", "strike", "expiry"], columns="option_type").reset_index()
    wide.columns = [f"{right}_{name}".strip("_").lower() for name, right in wide.columns]
    return wide


def by_symbol(table: pd.DataFrame) -> pd.DataFrame:
    """Return one group of columns for each symbol."""
    wide = table.pivot(index="at", columns="symbol").reset_index()
    wide.columns = [f"{symbol}_{name}".strip("_") for name, symbol in wide.columns]
    return wide


def timed(form: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a dress in which the time is one text of a form."""
    return lambda t: t.assign(datetime=t["at"].dt.strftime(form)).drop(columns="at")


def clocked(day: str, clock: str, kind: type) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a dress in which day and time are two columns of a kind."""
    return lambda t: t.assign(
        Date=t["at"].dt.strftime(day).astype(kind), Time=t["at"].dt.strftime(clock).astype(kind)
    ).drop(columns="at")


def since_1970(unit: str, name: str, ahead: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a dress in which the time is an epoch, so many minutes ahead of UTC."""
    back = pd.Timedelta(minutes=ahead)
    return lambda t: t.assign(**{name: (t["at"] - back).astype(f"datetime64[{unit}]").astype("int64")}).drop(
        columns="at"
    )


def called(old: str, new: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a dress in which the symbols are written another way."""
    return lambda t: t.assign(symbol=t["symbol"].str.replace(old, new)).rename(columns={"at": "datetime"})


def zoned(t: pd.DataFrame) -> pd.DataFrame:
    """Return the table with stamps in UTC."""
    return t.assign(timestamp=t["at"].dt.tz_localize("Asia/Kolkata").dt.tz_convert("UTC")).drop(columns="at")


def numbered(t: pd.DataFrame) -> pd.DataFrame:
    """Return the table as pandas writes a part of one, its row numbers a column, with an epoch as text."""
    told = since_1970("s", "time", 330)(t)
    return told.assign(time=told["time"].astype(str) + ".0", __index_level_0__=np.arange(7, len(t) + 7))


DRESSES = {
    "numbered rows": numbered,
    "stamps": lambda t: t.rename(columns={"at": "datetime"}),
    "zoned stamps": zoned,
    "epoch seconds": since_1970("s", "time", 330),
    "epoch milliseconds": since_1970("ms", "time", 330),
    "epoch nanoseconds": since_1970("ns", "epoch", 330),
    "epoch in exchange time": since_1970("s", "epoch", 0),
    "ISO texts": timed("%Y-%m-%dT%H:%M:%S+05:30"),
    "slashes": timed("%d/%m/%Y %H:%M"),
    "Indian dates": clocked("%d-%m-%Y", "%H:%M:%S", str),
    "dates as numbers": clocked("%Y%m%d", "%H%M", int),
    "times as long numbers": clocked("%Y%m%d", "%H%M%S", int),
    "seconds within": lambda t: t.assign(datetime=t["at"] + pd.Timedelta(seconds=59)).drop(columns="at"),
    "all text": lambda t: t.rename(columns={"at": "datetime"}).astype(str),
    "odd headings": lambda t: t.rename(
        columns={"at": "Date Time", "symbol": "Ticker", "open": "OPEN ", "close": "Ltp", "volume": "Vol"}
    ),
    "columns of their own": lambda t: split(t).rename(columns={"at": "datetime", "option_type": "CE/PE"}),
    "kind of instrument": lambda t: split(t).rename(
        columns={"at": "datetime", "option_type": "instrument_type"}
    ),
    "weekly symbols": called("10JAN24", "24110"),
    "with dashes": called("10JAN24", "_2024-01-10_"),
    "side by side": lambda t: side_by_side(t).rename(columns={"at": "datetime"}),
    "by symbol": lambda t: by_symbol(t).rename(columns={"at": "datetime"}),
    "shuffled": lambda t: t.sample(frac=1, random_state=3).rename(columns={"at": "datetime"}),
}


@pytest.mark.parametrize("kind", ["parquet", "feather", "csv", "csv.gz"])
@pytest.mark.parametrize("dress", sorted(DRESSES))
def test_other_dress(tmp_path: Path, dress, kind):
    """The same bars written another way are the same session."""
    table = DRESSES[dress](long_table()).reset_index(drop=True)
    file = tmp_path / f"bars.{kind}"
    if kind.startswith("csv"):
        table.to_csv(file, index=False)
    else:
        getattr(table, f"to_{kind}")(file)
    store = MinuteStore(tmp_path / "store")
    report = import_files([file], store)
    assert not report.failed, str(report)
    day, wanted = store.day(MONDAY), expected(tmp_path)
    for name in (*OHLC, "traded", "expiry", "strike", "is_call"):
        np.testing.assert_array_equal(getattr(day, name), getattr(wanted, name), err_msg=name)


@pytest.mark.parametrize("mark", [";", "\t", "|"])
@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_other_texts(tmp_path: Path, mark, coding):
    """Other marks between the cells and other codings of the letters are the same session."""
    text = long_table().rename(columns={"at": "datetime"}).to_csv(index=False, sep=mark)
    file = tmp_path / "bars.csv"
    file.write_bytes(("\ufeff" if coding == "utf-16-le" else "").encode(coding) + text.encode(coding))
    store = MinuteStore(tmp_path / "store")
    report = import_files([file], store)
    assert not report.failed, str(report)
    np.testing.assert_array_equal(store.day(MONDAY).close, expected(tmp_path).close)


def test_bars_named_by_their_end(tmp_path: Path):
    """Bars named by their end are taken as declared."""
    table = long_table().rename(columns={"at": "datetime"})
    table["datetime"] += pd.Timedelta(minutes=1)
    table.to_csv(tmp_path / "a.csv", index=False)
    store = MinuteStore(tmp_path / "store")
    import_files([tmp_path / "a.csv"], store, {"bar": "=end"})
    np.testing.assert_array_equal(store.day(MONDAY).close, expected(tmp_path).close)


def test_declared_columns(tmp_path: Path):
    """What cannot be detected is taken as declared: columns by name, values that the file does not state."""
    table = split(long_table()).drop(columns="expiry")
    table.columns = ["when", "a", "b", "c", "d", "v", "k", "side"]
    table.to_parquet(tmp_path / "odd.parquet")
    words = ["stamp=when", "open=a", "high=b", "low=c", "close=d", "volume=v", "strike=k", "right=side"]
    words = ["import", str(tmp_path / "odd.parquet"), "--store", str(tmp_path), "--map", *words]
    assert main([*words, "expiry:=2024-01-10"]) == 0
    np.testing.assert_array_equal(MinuteStore(tmp_path).day(MONDAY).close, expected(tmp_path).close)


def test_epochs_of_an_evening_session(tmp_path: Path):
    """Epochs are read in UTC where that falls into the session, which on some days is in the evening."""
    evening = date(2021, 11, 4)
    at = int(pd.Timestamp("2021-11-04 18:20", tz="Asia/Kolkata").timestamp())
    rows = [f"{at + 60 * k},BANKNIFTY11NOV2139000CE,100,101,99,100,75" for k in range(5)]
    (tmp_path / "a.csv").write_text("\n".join(["epoch,symbol,open,high,low,close,volume", *rows]))
    store = MinuteStore(tmp_path / "store")
    assert not import_files([tmp_path / "a.csv"], store).failed
    day = store.day(evening)
    assert day.minutes[day.traded[0]].tolist() == list(range(1100, 1105))


@pytest.mark.parametrize("named", [True, False])
def test_contracts_that_expire_within_a_file(tmp_path: Path, named):
    """A file of several weeks is taken: each contract is held against its own days, not the file's."""
    rows = [("2020-03-12", "2020-03-12"), ("2020-03-16", "2020-03-19")]
    lines = [("symbol" if named else "expiry,strike,right") + ",date,time,open,high,low,close,volume"]
    for day, expiry in rows:
        symbol = f"BANKNIFTY{date.fromisoformat(expiry):%d%b%y}30000CE".upper()
        lines.append(f"{symbol if named else f'{expiry},30000,CE'},{day},09:20:00,100,101,99,100,75")
    file = tmp_path / "weeks.csv"
    file.write_text("\n".join(lines))
    store = MinuteStore(tmp_path / "store")
    assert not import_files([file], store).failed
    assert [store.day(day).expiries for day in store.days()] == [
        (date.fromisoformat(expiry),) for _, expiry in rows
    ]


def test_what_is_set_aside_is_counted(tmp_path: Path, capsys):
    """Bars outside the session, of closed days, without a price and off the tick are counted by name."""
    table = long_table().rename(columns={"at": "datetime"})
    table.loc[0, "open"], table.loc[1, "close"] = 0.0, float("nan")
    table.loc[2, "low"] += 0.01
    table.loc[3, "datetime"] = pd.Timestamp("2024-01-08 08:59")
    table.loc[4, "datetime"] = pd.Timestamp("2024-01-06 10:00")  # a Saturday
    table.to_csv(tmp_path / "a.csv", index=False)
    assert main(["import", str(tmp_path / "a.csv"), "--store", str(tmp_path)]) == 0
    store = MinuteStore(tmp_path)
    assert store.manifest().loc[MONDAY, ["zero_prices", "outside_bars"]].tolist() == [2, 2]
    assert int((store.day(MONDAY).close > 0).sum()) == 3 * 375 - 5
    said = capsys.readouterr().out
    assert "2024-01-06 is no session" in said
    assert "off_tick" in said


BAD = {
    "no time": lambda t: t.drop(columns="datetime"),
    "no close": lambda t: t.drop(columns="close"),
    "words for prices": lambda t: t.assign(close="dear"),
    "words for times": lambda t: t.assign(datetime="noon"),
    "truth for prices": lambda t: t.assign(close=True),
    "five minutes": lambda t: t[t["datetime"].dt.minute % 5 == 0],
    "days": lambda t: t.assign(datetime=t["datetime"].dt.normalize()),
    "dates": lambda t: t.assign(datetime=t["datetime"].dt.date),
    "clocks": lambda t: t.assign(datetime=t["datetime"].dt.time),
    "another underlying": lambda t: t.assign(symbol="RELIANCE"),
    "a contract that had ended": lambda t: t.assign(symbol="BANKNIFTY03JAN2447900CE"),
    "a symbol that says nothing": lambda t: t.assign(symbol="BANKNIFTYXYZ"),
    "no contract": lambda t: t.drop(columns="symbol"),
    "missing symbols": lambda t: t.assign(symbol=t["symbol"].where(t.index > 3)),
    "no rows": lambda t: t.head(0),
}  # fmt: skip


@pytest.mark.parametrize("fault", sorted(BAD))
def test_a_file_that_cannot_be_taken(tmp_path: Path, fault, capsys):
    """A file that cannot be taken is named with its reason and a remedy, and the others are kept."""
    table = long_table().rename(columns={"at": "datetime"})
    BAD[fault](table).to_parquet(tmp_path / "bad.parquet")
    table.to_parquet(tmp_path / "good.parquet")
    store = MinuteStore(tmp_path / "store")
    report = import_files([tmp_path / "bad.parquet", tmp_path / "good.parquet"], store)
    (error,) = report.failed.values()
    assert isinstance(error, KitError)
    assert "bad.parquet" in str(error)
    assert error.remedy
    assert store.days() == [MONDAY]
    assert main(["import", str(tmp_path / "bad.parquet"), "--store", str(tmp_path / "s")]) == 1
    assert "not taken" in capsys.readouterr().out


NAMES = (
    "BANKNIFTY_47900_CE_2024-01-10", "bnf 47900CE 10Jan2024", "BANKNIFTY-47900-CE-10-JAN-24", "47900CE",
    "BANKNIFTY10JAN2447900CE", "2024-01-10_BANKNIFTY_47900CE", "3_47900CE_10JAN24",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_is_a_contract(tmp_path: Path, name):
    """However a file's name writes a contract it is that contract, and never the index."""
    table = long_table()
    one = table[table["symbol"] == SYMBOLS[0]].rename(columns={"at": "datetime"}).drop(columns="symbol")
    file = tmp_path / "exp_20240110" / f"{name}.csv"
    file.parent.mkdir()
    one.to_csv(file, index=False)
    report = import_files([file], MinuteStore(tmp_path))
    assert not report.failed
    found = contract(MinuteStore(tmp_path).day(MONDAY), EXPIRY, int(SYMBOLS[0][-7:-2]), SYMBOLS[0][-2:])
    np.testing.assert_allclose(found["close"], one["close"])


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("BankNifty_spot_1min_2024", "index"), ("Nifty Bank index", "index"), ("BANKNIFTY", "index"),
        ("INDIA VIX 2024-01-08", "vix"), ("india_vix_1min", "vix"), ("BANKNIFTY-I", "future"),
    ],
)  # fmt: skip
def test_a_file_name_is_a_series(tmp_path: Path, name, series):
    """A file without symbols is the index, India VIX or the future where its name says so."""
    table = long_table().rename(columns={"at": "datetime"}).drop(columns="symbol").head(375)
    table.to_csv(tmp_path / f"{name}.csv", index=False)
    store = MinuteStore(tmp_path)
    assert not import_files([tmp_path / f"{name}.csv"], store).failed
    assert set(pd.read_parquet(store.folder / "series-2024-01.parquet")["name"]) == {series}


@pytest.mark.parametrize(
    ("name", "underlying", "said"),
    [
        ("BANKNIFTY_47900_CE", "BANKNIFTY", "names no contract"),
        ("BANKNIFTY_JAN_FUT", "BANKNIFTY", "future that can be read"),
        ("3 NIFTY10JAN2447900CE for BNF", "BANKNIFTY", "tells the contract"),
        ("NIFTY_47900_CE_2024-01-10", "BANKNIFTY", "holds nothing of BANKNIFTY"),
        ("BankNifty_spot", "NIFTY", "holds nothing of NIFTY"),
        ("Spot of Nifty Bank", "NIFTY", "holds nothing of NIFTY"),
    ],
)
def test_no_other_instrument_becomes_the_index(tmp_path: Path, name, underlying, said):
    """A contract that cannot be read, or another index, is refused and not taken for the index."""
    table = long_table().rename(columns={"at": "datetime"}).drop(columns="symbol").head(375)
    table.to_csv(tmp_path / f"{name}.csv", index=False)
    report = import_files([tmp_path / f"{name}.csv"], MinuteStore(tmp_path, underlying))
    assert said in str(*report.failed.values())


def test_the_text_that_is_no_time_is_named(tmp_path: Path):
    """Of many texts the error names the one that is no time; a month may come first if it must."""
    texts = ["12-30-2022 09:15", "12-29-2022 09:16"]
    assert [*map(int, minutes_since_epoch(pa.array(texts), None) // 1440)] == [19_356, 19_355]
    with pytest.raises(DataError, match="'TOTAL'"):
        minutes_since_epoch(pa.array([*texts, "TOTAL"]), None)


@pytest.mark.parametrize("shape", ["symbol", "columns", "name"])
def test_bars_after_the_last_day_are_set_aside(tmp_path: Path, shape):
    """Bars that go on after a contract's expiry are counted and left out, however the file names it."""
    table = long_table()
    one = table[table["symbol"] == SYMBOLS[0]].rename(columns={"at": "datetime"})
    late = one.assign(datetime=one["datetime"] + pd.Timedelta(days=3))  # the day after the expiry
    both = pd.concat([one, late], ignore_index=True)
    file = tmp_path / "a.csv"
    if shape != "symbol":
        strike, right = meaning(SYMBOLS[0], "BANKNIFTY", MONDAY, MONDAY).strike, SYMBOLS[0][-2:]
        both = both.drop(columns="symbol")
    if shape == "columns":
        both = both.assign(expiry=str(EXPIRY), strike=strike, optiontype=right)
    if shape == "name":
        file = tmp_path / f"exp_{EXPIRY:%Y%m%d}" / f"{strike}{right}.csv"
        file.parent.mkdir()
    both.to_csv(file, index=False)
    store = MinuteStore(tmp_path / "store")
    report = import_files([file], store)
    assert not report.failed
    assert store.days() == [MONDAY]
    assert report.files.loc[file.name, ["bars", "after_expiry"]].tolist() == [375, 375]


@pytest.mark.parametrize("heading", ["epoch_ms", "Epoch (s)", "ts", "timestamp_ns", "Unix Time"])
def test_epochs_are_found_by_the_usual_headings(tmp_path: Path, heading):
    """Seconds, milliseconds or nanoseconds since 1970: the heading is known and the unit read off."""
    scale = 10**9 if "ns" in heading else 10**3 if "ms" in heading else 1
    table = long_table()
    at = table.pop("at").dt.tz_localize("Asia/Kolkata").astype("datetime64[ns, Asia/Kolkata]").astype("int64")
    table.assign(**{heading: at // 10**9 * scale}).to_csv(tmp_path / "a.csv", index=False)
    store = MinuteStore(tmp_path / "store")
    assert not import_files([tmp_path / "a.csv"], store).failed
    assert store.days() == [MONDAY]


PAISE = {
    "all text": ("bnf_20221230.parquet", [*OHLC], date(2022, 12, 30)),
    "whole chain": ("BANKNIFTY_JF_FNO_10042023.feather", ["Open", "High", "Low", "Close"], date(2023, 4, 10)),
    "one contract": ("bnf_exp_20240110/47600CE.parquet", [*OHLC], MONDAY),
    "index": ("BNF_spot_1min_20240101_20240110.csv.gz", ["Open", "High", "Low", "Close"], MONDAY),
}


@pytest.mark.parametrize("shape", sorted(PAISE))
def test_paise_are_refused_until_they_are_declared(shared_data: Path, tmp_path: Path, shape):
    """Prices times a hundred are never taken for rupees; declared, they give the session of the rupees."""
    name, columns, day = PAISE[shape]
    file = shared_data / "intraday" / name
    read = {"parquet": pd.read_parquet, "feather": pd.read_feather}.get(file.suffix[1:], pd.read_csv)
    table = read(file)
    changed = table.assign(**{each: table[each].astype(float) * 100 for each in columns})
    changed.to_csv(tmp_path / f"{file.name.split('.')[0]}.csv", index=False)
    said = {"expiry": "=2024-01-10"} if "CE" in name else {}
    stores = [MinuteStore(tmp_path / kind) for kind in ("refused", "paise", "rupees")]
    (error,) = import_files([*tmp_path.glob("*.csv")], stores[0], said).failed.values()
    assert "look like paise" in str(error)
    assert "--map unit:=paise" in error.remedy
    assert stores[0].days() == []
    assert not import_files([*tmp_path.glob("*.csv")], stores[1], {**said, "unit": "=paise"}).failed
    import_files([file], stores[2], said)
    for store in stores[1:]:  # a day is shown by its options
        import_files([shared_data / "intraday" / "bnf_exp_20240110" / "47400CE.parquet"], store)
    for one in (*OHLC, "traded", "index", "future"):
        found, wanted = (getattr(store.day(day), one) for store in stores[1:])
        np.testing.assert_allclose(found, wanted, rtol=1e-12, err_msg=one)


@pytest.mark.parametrize("unit", [{}, {"unit": "=rupee"}])
def test_rupees_stay_rupees(tmp_path: Path, unit):
    """Whole rupees of a few prices are no paise, and what is declared is not doubted."""
    table = long_table().rename(columns={"at": "datetime"})
    table[[*OHLC]] = (table[[*OHLC]] / (5 if unit else 10)).round() * (5 if unit else 10)
    if unit:
        table[[*OHLC]] *= 100
    table.to_csv(tmp_path / "a.csv", index=False)
    assert not import_files([tmp_path / "a.csv"], MinuteStore(tmp_path / "s"), unit).failed


@pytest.mark.parametrize("name", ["a.parquet", "a.feather", "a.csv.gz", "a.csv", "a.xlsx", "none.parquet"])
@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x1f\x8b\x00", b"a,b\n1\n", bytes(range(256))])
def test_damaged_files(tmp_path: Path, name, content):
    """Whatever bytes a file holds, it is listed as not taken; nothing else happens."""
    if name != "none.parquet":
        (tmp_path / name).write_bytes(content)
    report = import_files([tmp_path / name], MinuteStore(tmp_path / "store"))
    assert len(report.failed) == 1
    assert report.days == []


@pytest.mark.parametrize(
    ("symbol", "found"),
    [
        ("BANKNIFTY05JAN2336500PE", Meaning("option", date(2023, 1, 5), 36_500, "PE")),
        ("BANKNIFTY2310543000CE", Meaning("option", date(2023, 1, 5), 43_000, "CE")),
        ("BANKNIFTY23JAN43000CE", Meaning("option", date(2023, 1, 25), 43_000, "CE")),
        ("NSE:BANKNIFTY23105 43000 CE", Meaning("option", date(2023, 1, 5), 43_000, "CE")),
        ("BANKNIFTY_20230105_43000_PE", Meaning("option", date(2023, 1, 5), 43_000, "PE")),
        ("BANKNIFTY", Meaning("index")),
        ("Nifty Bank", Meaning("index")),
        ("BANKNIFTY-I", Meaning("future")),
        ("BANKNIFTY23JANFUT", Meaning("future", date(2023, 1, 25))),
        ("BANKNIFTY-II", Meaning("other")),
        ("INDIA VIX", Meaning("vix")),
        ("NIFTY05JAN2318000CE", Meaning("other")),
    ],
)
def test_symbols(symbol, found):
    """Each way to write a contract is read as what its days allow."""
    assert meaning(symbol, "BANKNIFTY", date(2022, 12, 30), date(2022, 12, 30)) == found


@pytest.mark.parametrize("symbol", ["BANKNIFTY05JAN2236500PE", "BANKNIFTY99XYZ43000CE", "BANKNIFTYFUTURE"])
def test_symbols_that_say_nothing(symbol):
    """An option of the underlying that cannot be read is refused, never guessed."""
    with pytest.raises(DataError):
        meaning(symbol, "BANKNIFTY", date(2022, 12, 30), date(2022, 12, 30))


@pytest.mark.parametrize(
    "word", ["symbol", "=x", "nosuch=Ticker", "symbol=Nothing", "unit:=dollar", "bar:=middle", "kind:=stock"]
)
def test_declared_nonsense(tmp_path: Path, word, capsys):
    """A declared field or column that does not exist is named."""
    long_table().rename(columns={"at": "datetime"}).to_csv(tmp_path / "a.csv", index=False)
    assert main(["import", str(tmp_path / "a.csv"), "--store", str(tmp_path / "s"), "--map", word]) in (1, 2)
    assert word.split("=")[-1] in "".join(capsys.readouterr()) or word.startswith("nosuch")


def test_a_large_file_is_taken_run_by_run_of_days(shared_data: Path, tmp_path: Path, monkeypatch):
    """A file of more rows than are held at once gives the sessions, counts and notes of a small one."""
    file = tmp_path / "47600CE.parquet"
    pd.read_parquet(shared_data / "intraday" / "bnf_exp_20240110" / "47600CE.parquet").sample(
        frac=1, random_state=1
    ).to_parquet(file)
    stores = [MinuteStore(tmp_path / name) for name in ("whole", "runs")]
    whole = import_files([file], stores[0], {"expiry": "=2024-01-10"})
    for name in ("_HELD", "_FLUSH"):
        monkeypatch.setattr(f"kit.bars.importing.importer.{name}", 1_000)
    runs = import_files([file], stores[1], {"expiry": "=2024-01-10"})
    pd.testing.assert_frame_equal(runs.files, whole.files)
    assert runs.days == whole.days == stores[1].days()
    pd.testing.assert_frame_equal(stores[1].manifest(), stores[0].manifest())
    for day in whole.days:
        np.testing.assert_array_equal(stores[1].day(day).close, stores[0].day(day).close)
