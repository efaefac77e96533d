"""The store of option minutes: whole or absent, never contradicting itself, and exactly what was put in."""

from __future__ import annotations

import re
import signal
from dataclasses import replace
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.bars import month_file
from kit.bars.day_bars import DayBars
from kit.bars.minute_store import MinuteStore
from kit.bars.minutes import OHLC
from kit.bars.month_file import OPTIONS, SERIES
from kit.bars.writing import writing
from kit.clock import sessions
from kit.errors import ContradictingBars, DataError, UnreadableFile, UnwritableFile

MONDAY, EXPIRY, NEXT = date(2024, 1, 8), date(2024, 1, 10), date(2024, 1, 25)
ARRAYS = ("expiry", "strike", "is_call", "lot_size", *OHLC, "traded", "index", "future", "minutes")
Bar = tuple[date, int, str, int, int, int]  # expiry, strike, right, minute, close in ticks, volume


def options(bars: list[Bar], day: date = MONDAY) -> pa.Table:
    """Return bars as the store's table, flat around their close."""
    rows = [
        {
            "day": day, "expiry": expiry, "strike": strike, "option_type": right, "minute": minute,
            "open": close, "high": close + 2, "low": max(1, close - 2), "close": close, "volume": volume,
        }
        for expiry, strike, right, minute, close, volume in bars
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, OPTIONS)


def level(spot: float = 48_000.0, day: date = MONDAY, name: str = "index") -> pa.Table:
    """Return 375 flat minutes of the index."""
    rows = [{"day": day, "name": name, "minute": 555 + at, **dict.fromkeys(OHLC, spot)} for at in range(375)]
    return pa.Table.from_pylist(rows, SERIES)


def plain(day: date = MONDAY, seed: int = 1, source: str = "made up", expiry: date = EXPIRY) -> DayBars:
    """Return a session of four contracts."""
    draw = np.random.default_rng(seed)
    bars = [
        (expiry, strike, right, minute, int(price), 15)
        for strike in (47_900, 48_000)
        for right in ("PE", "CE")
        for minute, price in enumerate(draw.integers(2_000, 2_100, 375), start=555)
    ]
    return DayBars(day, options(bars, day), level(day=day), source)


def same(one, two) -> bool:
    """Tell whether two sessions hold the same arrays."""
    return all(
        np.array_equal(getattr(one, n), getattr(two, n), equal_nan=n in ("index", "future")) for n in ARRAYS
    )


def test_what_is_kept_is_found(tmp_path: Path):
    """A kept session comes back as arrays, sorted by expiry, strike and right, and the manifest knows it."""
    store = MinuteStore(tmp_path)
    assert store.keep([plain()]) == [MONDAY]
    assert store.days() == [MONDAY]
    day = store.day(MONDAY)
    assert (day.strike.tolist(), day.is_call.tolist()) == (
        [47_900, 47_900, 48_000, 48_000],
        [True, False] * 2,
    )
    assert (day.expiries, set(day.lot_size.tolist()), day.has_index) == ((EXPIRY,), {15}, True)
    assert day.close.shape == (4, 375)
    assert day.traded.all()
    row = store.manifest().loc[MONDAY]
    assert (row["bars"], row["sources"], row["contracts"]) == (1500, "made up", 4)
    assert (row["near_share"], row["index_share"], row["score"]) == (1.0, 1.0, 1.0)


bar = st.tuples(
    st.sampled_from([EXPIRY, NEXT]), st.sampled_from([47_000, 48_000, 49_000]), st.sampled_from(["CE", "PE"]),
    st.integers(555, 929), st.integers(3, 40_000), st.integers(0, 9_999),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    st.lists(bar, min_size=1, max_size=60, unique_by=lambda bar: bar[:4]), st.randoms(use_true_random=False)
)
def test_any_bars_come_back(tmp_path_factory, bars, shuffle):
    """Whatever bars a session has, in whatever order and parts they came, each is in its cell alone."""
    store = MinuteStore(tmp_path_factory.mktemp("store"))
    shuffle.shuffle(bars)
    half = len(bars) // 2
    for part in (bars[:half], bars[half:], bars[:half]):
        store.keep([DayBars(MONDAY, options(part), None, "parts")] if part else [])
    for expiries in (None, 1):
        day = store.day(MONDAY, expiries)
        kept = [one for one in bars if expiries is None or one[0] == min(found[0] for found in bars)]
        assert int((day.close > 0).sum()) == len(kept)
        for expiry, strike, right, minute, close, volume in kept:
            row = day.rows[expiry, strike, right]
            assert (day.close[row, minute - 555], day.traded[row, minute - 555]) == (close, volume > 0)
        (again,) = store.load([MONDAY], expiries, mapped=True)
        (mapped,) = store.load([MONDAY], expiries, mapped=True)
        assert same(day, again)
        assert same(day, mapped)


def test_unknown_volume_is_taken_for_trade(tmp_path: Path):
    """Where a source states no volume, a bar is a trade; a volume of zero is none."""
    table = options([(EXPIRY, 48_000, "CE", 555, 2_000, 0), (EXPIRY, 48_000, "CE", 556, 2_000, 5)])
    for number, volumes in enumerate([[0, None], [7, None], [None, None], [7, 7], [7, 0]]):
        told = table.set_column(9, "volume", pa.array(volumes, pa.int64()))
        store = MinuteStore(tmp_path / f"{number}")
        store.keep([DayBars(MONDAY, told, None, "x")])
        assert store.day(MONDAY).traded[0, :2].tolist() == [volume != 0 for volume in volumes]


def test_a_month_of_an_older_kit(tmp_path: Path):
    """A file of nullable columns, packed otherwise and without figures of volumes, is read and joined."""
    store = MinuteStore(tmp_path)
    store.keep([plain()])
    before, month = store.day(MONDAY), store.folder / "options-2024-01.parquet"
    table = pq.read_table(month)
    older = pa.schema([field.with_nullable(True) for field in table.schema], table.schema.metadata)
    pq.write_table(table.cast(older), month, compression="zstd", write_statistics=["day"])
    assert same(store.day(MONDAY), before)
    store.keep([plain(date(2024, 1, 9))])
    assert same(store.day(MONDAY), before)
    assert store.days() == [MONDAY, date(2024, 1, 9)]


def test_days_join_and_months_part(tmp_path: Path):
    """Days kept at different times lie in their month's file, in order, the others unchanged."""
    store = MinuteStore(tmp_path)
    days = [date(2024, 1, 9), MONDAY, date(2023, 12, 29)]
    for number, day in enumerate(days):
        store.keep([plain(day, seed=number)])
    assert store.days() == sorted(days)
    assert store.days(date(2024, 1, 1), MONDAY) == [MONDAY]
    assert len(list(store.folder.glob("*.parquet"))) == 4
    for number, day in enumerate(days):
        other = MinuteStore(tmp_path / f"{number}")
        other.keep([plain(day, seed=number)])
        assert same(store.day(day), other.day(day))
    assert [day.day for day in store.load(days)] == days
    with pq.ParquetFile(store.folder / "options-2024-01.parquet") as file:
        assert file.num_row_groups == 2


def test_imports_that_contradict_each_other(tmp_path: Path):
    """Another price for the same minute is refused with both, unless it is told to replace the older."""
    store = MinuteStore(tmp_path)
    store.keep([plain(source="first")])
    before = store.day(MONDAY)
    with pytest.raises(ContradictingBars, match="first and second contradict") as caught:
        store.keep([plain(seed=2, source="second")])
    assert re.search(r"09:\d\d: open \d+\.\d[05] and \d+\.\d[05]'", str(caught.value))  # rupees
    assert "replace" in caught.value.remedy
    assert same(store.day(MONDAY), before)
    list(store.load([MONDAY], mapped=True))
    store.keep([plain(seed=2, source="second")], replace=True)
    assert not same(store.day(MONDAY), before)
    assert same(next(store.load([MONDAY], mapped=True)), store.day(MONDAY))  # the derived file was made anew
    assert store.manifest().loc[MONDAY, "sources"] == "first, second"


@pytest.mark.parametrize("name", ["volume", "oi"])
@pytest.mark.parametrize("without_first", [True, False])
def test_what_a_source_leaves_open_stays_known(tmp_path: Path, name: str, without_first: bool):
    """Volume and open interest of one source stay when another has the bars without, whichever came first."""
    store, whole = MinuteStore(tmp_path), plain()
    place = OPTIONS.get_field_index(name)
    table = whole.options.set_column(place, name, pa.array(range(1500), pa.int64()))
    blank = table.set_column(place, name, pa.nulls(1500, pa.int64()))
    for options in (blank, table) if without_first else (table, blank):
        store.keep([replace(whole, options=options)])
    found = pq.read_table(store.folder / "options-2024-01.parquet")
    assert sorted(found.column(name).to_pylist()) == sorted(table.column(name).to_pylist())
    other = table.set_column(place, name, pa.array([7] * 1500, pa.int64()))
    with pytest.raises(ContradictingBars, match=f"{name} .* and 7"):
        store.keep([replace(whole, options=other)])


def test_the_same_twice_is_counted(tmp_path: Path):
    """The same bars again change nothing and are counted as duplicates."""
    store = MinuteStore(tmp_path)
    store.keep([plain()])
    before = store.day(MONDAY)
    store.keep([plain(source="again")])
    assert same(store.day(MONDAY), before)
    assert store.manifest().loc[MONDAY, "duplicates"] == 1500


def test_a_day_that_is_not_there(tmp_path: Path):
    """A missing day is refused with the nearest that are there and what to do."""
    store = MinuteStore(tmp_path)
    with pytest.raises(DataError, match="It is empty"):
        store.day(MONDAY)
    store.keep([plain()])
    with pytest.raises(DataError, match="It has 2024-01-08") as caught:
        store.day(MONDAY + timedelta(1))
    assert "kit collect" in caught.value.remedy
    with pytest.raises(DataError):
        list(store.load([MONDAY, date(2024, 1, 9)]))


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.7, 0.99])
def test_a_half_written_month(tmp_path: Path, keep):
    """A month that was cut is refused by name with the remedy; a draft that was left behind is no month."""
    store = MinuteStore(tmp_path)
    store.keep([plain()])
    month = store.folder / "options-2024-01.parquet"
    content = month.read_bytes()
    (store.folder / "options-2024-01.77.new").write_bytes(content[:100])
    assert store.days() == [MONDAY]
    month.write_bytes(content[: int(len(content) * keep)])
    for ask in (
        store.days,
        store.manifest,
        lambda: store.day(MONDAY),
        lambda: store.keep([plain(source="b")]),
    ):
        with pytest.raises(UnreadableFile, match="2024-01") as caught:
            ask()
        assert "import or collect" in caught.value.remedy


def test_rotten_bits(tmp_path: Path):
    """A flipped bit within the data is refused, never read as a price."""
    store = MinuteStore(tmp_path)
    store.keep([plain()])
    month = store.folder / "options-2024-01.parquet"
    whole, before = month.read_bytes(), store.day(MONDAY)
    with pq.ParquetFile(month) as file:
        chunk = file.metadata.row_group(0).column(OPTIONS.names.index("close"))
    start, size = chunk.data_page_offset, chunk.total_compressed_size
    for at in range(start + 60, start + size - 4, 37):
        month.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        with pytest.raises(UnreadableFile):
            store.day(MONDAY)
    month.write_bytes(whole)
    assert same(store.day(MONDAY), before)


def test_a_full_disk(tmp_path: Path):
    """Where there is no room the error says so, no draft is left, and what was there still is."""
    store = MinuteStore(tmp_path)
    store.keep([plain()])
    before = store.day(MONDAY)
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        with pytest.raises(UnwritableFile, match="cannot be written") as caught:
            store.keep([plain(date(2024, 1, 9))])
        list(store.load([MONDAY], mapped=True))  # without room there is no derived file, and no error
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, heard)
    assert "Free space" in caught.value.remedy
    assert not list(tmp_path.rglob("*.new"))
    assert store.days() == [MONDAY]
    assert same(store.day(MONDAY), before)


def test_derived_files_may_go(tmp_path: Path):
    """The memory-mapped files may be deleted or damaged at any time; the arrays stay the same."""
    store = MinuteStore(tmp_path)
    store.keep([plain()])
    before = store.day(MONDAY)
    assert same(next(store.load([MONDAY], mapped=True)), before)
    (derived,) = store.folder.glob("arrays/all/*.day")
    content = derived.read_bytes()
    for damage in (b"", content[:50], content[:-9], b"{}\n" + content):
        derived.write_bytes(damage)
        assert same(next(store.load([MONDAY], mapped=True)), before)
        assert same(next(store.load([MONDAY], mapped=True)), before)
    derived.unlink()
    assert same(next(store.load([MONDAY], mapped=True)), before)


def test_the_index_may_come_later(tmp_path: Path):
    """The index may be imported before or after the contracts; the score counts it from then on."""
    bars, store = plain(), MinuteStore(tmp_path)
    store.keep([DayBars(MONDAY, bars.options, None, "contracts")])
    assert not store.day(MONDAY).has_index
    assert np.isnan(store.manifest().loc[MONDAY, "index_share"])
    store.keep([DayBars(MONDAY, None, bars.series, "index")])
    assert store.day(MONDAY).has_index
    assert store.manifest().loc[MONDAY, "index_share"] == 1.0
    assert store.days(least_score=0.9) == [MONDAY]


def test_poor_days_can_be_left_out(tmp_path: Path):
    """A day whose contracts hardly trade has a low score and is left out where a score is asked for."""
    few = DayBars(MONDAY, options([(EXPIRY, 48_000, "CE", 560, 2_000, 15)]), level(), "few")
    store = MinuteStore(tmp_path)
    store.keep([few, plain(date(2024, 1, 9))])
    assert store.days(least_score=0.5) == [date(2024, 1, 9)]


def test_sql_reads_the_same_files(tmp_path: Path):
    """Any reader of Parquet finds whole words: dates, ticks and option_type."""
    store = MinuteStore(tmp_path)
    store.keep([plain()])
    table = pq.read_table(store.folder / "options-2024-01.parquet")
    assert table.column_names == month_file.OPTIONS.names
    assert table.column("option_type").to_pylist()[:2] == ["CE", "CE"]
    assert table.column("day")[0].as_py() == MONDAY


def _keeps(folder: str, number: int) -> None:
    """Put ten sessions into a store, each by a call of its own; run in a process of its own."""
    days = sessions(date(2024, 1, 1), date(2024, 1, 31))[number:20:2]
    for day in days:
        MinuteStore(folder).keep([plain(day, expiry=date(2024, 2, 29))])


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path):
    """Two processes that write to the same month at the same time both find their sessions there."""
    spawned = get_context("spawn")
    writers = [spawned.Process(target=_keeps, args=(str(tmp_path), number)) for number in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert MinuteStore(tmp_path).days() == sessions(date(2024, 1, 1), date(2024, 1, 31))[:20]


def test_a_store_that_is_being_written_is_named(tmp_path: Path):
    """A writer that waits in vain says so; readers and, after it, writers go on."""
    store = MinuteStore(tmp_path)
    store.keep([plain()])
    with writing(store.folder):
        with (
            pytest.raises(UnwritableFile, match="Another process writes"),
            writing(store.folder, wait_s=0.05),
        ):
            pass
        assert store.days() == [MONDAY]
    store.keep([plain(MONDAY + timedelta(1))])
    assert len(store.days()) == 2
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableFile, match="cannot be written"):
        MinuteStore(tmp_path / "file").keep([plain()])
