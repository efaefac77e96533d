"""Files that were cut, edited, repeated or made up: refused with their place, never read in part."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
import re
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from kit.chains.readers import living, read_chain, unpack
from kit.clock import IST
from kit.errors import DataError, UnreadableFile

V3 = "chain/option-chain-v3_made_up_specimen.json"
JSON = "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz"
APRIL = "chain/option-chain-ED-BANKNIFTY-28-Apr-2026.csv"
OLD = "eod/fo02JAN2020bhav.csv.zip"
UDIFF = "eod/fo_udiff_20260826_BANKNIFTY_rows.csv"


def unpacked(file: Path) -> bytes:
    """Return a file's own bytes."""
    if file.suffix == ".gz":
        return gzip.decompress(file.read_bytes())
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as packed:
            return packed.read(packed.namelist()[0])
    return file.read_bytes()


def placed(folder: Path, name: str, content: bytes) -> Path:
    """Write a file under a name of the exchange's and return it."""
    file = folder / Path(name).name.removesuffix(".gz").removesuffix(".zip")
    file.write_bytes(content)
    return file


def v3(shared_data: Path) -> dict:
    """Return the answer of the new layout, to be changed."""
    return json.loads((shared_data / V3).read_text())


def test_the_new_layout(shared_data: Path):
    """An answer saved since December 2025 is read, and its unlisted put is no contract."""
    (chain,) = read_chain(shared_data / V3)
    assert (chain.underlying, chain.expiry, chain.spot) == ("BANKNIFTY", date(2026, 10, 27), 55_310.4)
    assert chain.forward == pytest.approx(55_410, abs=0.5)
    assert (min(chain.strikes), max(chain.strikes)) == (54_600, 56_200)
    assert set(chain.frame.loc[chain.frame["strike"] == 56_200, "right"]) == {"CE"}
    row = chain.quote(54_600, "CE")
    assert (row["bid"], row["ask"], row["oi"]) == (1_176.4, 1_177.6, 220 * chain.lot_size)
    assert chain.derived == {}


@pytest.mark.parametrize("first", [True, False])
def test_an_unlisted_leg_anywhere(shared_data: Path, tmp_path: Path, first):
    """Zeros and nulls stand for an unlisted contract wherever they are, the first row included."""
    answer = v3(shared_data)
    rows = answer["records"]["data"]
    empty = rows[-1]["PE"]
    rows[0 if first else 5]["CE"] = empty
    (chain,) = read_chain(placed(tmp_path, V3, json.dumps(answer).encode()))
    assert 0 not in chain.strikes
    assert len(chain.frame) == 32


def strange(rows: list) -> dict[str, object]:
    """Return, by name, changes that make an answer one that cannot be."""
    leg = rows[3]["CE"]
    return {
        "strike of zero": lambda: leg.update(strikePrice=0),
        "strike of null": lambda: leg.update(strikePrice=None),
        "strike of another row": lambda: leg.update(strikePrice=54_600),
        "strike as a list": lambda: leg.update(strikePrice=[54_900]),
        "no underlying": lambda: leg.update(underlying=None),
        "another underlying": lambda: leg.update(underlying="NIFTY"),
        "underlying as a number": lambda: leg.update(underlying=7),
        "another expiry than its row": lambda: leg.update(expiryDate="24-11-2026"),
        "expiry cut": lambda: leg.update(expiryDate="27-10-26"),
        "prices without a name": lambda: leg.update(underlying=None, expiryDate=None),
        "price true": lambda: leg.update(lastPrice=True),
        "price negative": lambda: leg.update(buyPrice1=-5),
        "price infinite": lambda: leg.update(sellPrice1=float("inf")),
        "price NaN": lambda: leg.update(lastPrice=float("nan")),
        "interest beyond bounds": lambda: leg.update(openInterest=10**400),
        "interest as text": lambda: leg.update(openInterest="many"),
        "contract twice": lambda: rows.append(rows[3]),
        "row as a list": lambda: rows.append([]),
        "leg as a text": lambda: rows[3].update(CE="listed"),
    }


@pytest.mark.parametrize("what", sorted(strange([{"CE": {}}] * 4)))
def test_an_answer_that_cannot_be(shared_data: Path, tmp_path: Path, what):
    """A value that no such field can have is refused with its row, and no contract is made of it."""
    answer = v3(shared_data)
    strange(answer["records"]["data"])[what]()
    with pytest.raises(UnreadableFile) as caught:
        read_chain(placed(tmp_path, V3, json.dumps(answer).encode()))
    assert caught.value.remedy


@pytest.mark.parametrize("spot", [1e400, True, -5, "x", 10**400])
def test_an_index_level_that_is_none(shared_data: Path, tmp_path: Path, spot):
    """An index level that is no price is refused."""
    answer = v3(shared_data)
    answer["records"]["underlyingValue"] = spot
    with pytest.raises(UnreadableFile, match=r"underlyingValue|no number"):
        read_chain(placed(tmp_path, V3, json.dumps(answer).encode()))


def test_a_level_from_the_contracts(shared_data: Path, tmp_path: Path):
    """Where the answer states no level, its contracts' own does."""
    answer = v3(shared_data)
    answer["records"]["underlyingValue"] = None
    assert read_chain(placed(tmp_path, V3, json.dumps(answer).encode()))[0].spot == 55_310.4


@pytest.mark.parametrize(("open_", "close"), [("[", "]"), ('{"records":', "}")])
def test_deep_nesting(tmp_path: Path, open_, close):
    """Thousands of brackets are refused like any other text that is no answer."""
    text = '{"records": ' + open_ * 100_000 + "1" + close * 100_000 + "}"
    with pytest.raises(UnreadableFile):
        read_chain(placed(tmp_path, V3, text.encode()))


def test_a_key_twice(tmp_path: Path, shared_data: Path):
    """A key that an object has twice is refused, whichever value would have won."""
    text = json.dumps(v3(shared_data)).replace('"lastPrice": 1177.0', '"lastPrice": 1177.0, "lastPrice": 5')
    with pytest.raises(UnreadableFile, match="twice"):
        read_chain(placed(tmp_path, V3, text.encode()))


def row_ends(content: bytes) -> set[int]:
    """Return the offsets at which a row is whole, its line's end being there or not."""
    return {at for found in re.finditer(rb"\r?\n", content) for at in (found.start(), found.end())} | {
        len(content)
    }


@pytest.mark.parametrize("name", [JSON, V3, APRIL, OLD, UDIFF])
def test_cut_anywhere_within_the_rows(shared_data: Path, tmp_path: Path, name):
    """A file cut at any byte inside its rows is refused; the complaint about a table has line and column."""
    content = unpacked(shared_data / name)
    first = content.find(b"BANKNIFTY,02-Jan-2020") if name == OLD else content.find(b"\n", 300)
    last = content.rfind(b"OPTIDX,BANKNIFTY") if name == OLD else len(content) - 1
    first = max(first, 0)
    undetectable = row_ends(content) if name in (APRIL, UDIFF) else set()
    chosen = random.Random(7)
    for at in sorted(
        set(chosen.choices(range(first + 1, last), k=50 if name == OLD else 150)) - undetectable
    ):
        with pytest.raises(UnreadableFile) as caught:
            read_chain(placed(tmp_path, name, content[:at]))
        if name in (APRIL, OLD, UDIFF):
            assert caught.value.line
        assert caught.value.line is None or str(caught.value.line) in str(caught.value)


@pytest.mark.parametrize("name", [APRIL, APRIL.replace("28-Apr", "26-May")])
def test_a_page_that_ends_behind_a_whole_row(shared_data: Path, tmp_path: Path, name):
    """A page cut behind a row is refused where its strikes tell: they end in wide steps as they begin."""
    lines = (shared_data / name).read_bytes().splitlines(True)
    for end in [*range(10, len(lines) - 5, 23), len(lines) - 6]:
        with pytest.raises(UnreadableFile, match="ends among the strikes"):
            read_chain(placed(tmp_path, name, b"".join(lines[:end])), spot=56_500.0)


def test_a_market_that_ends_within_the_options(shared_data: Path, tmp_path: Path):
    """An old file of the whole market that ends behind a whole row of the underlying is cut as well."""
    content = unpacked(shared_data / OLD)
    end = content.find(b"\n", content.find(b"OPTIDX,BANKNIFTY,30-Jan-2020,32000,PE")) + 1
    with pytest.raises(UnreadableFile, match="ends within"):
        read_chain(placed(tmp_path, OLD, content[:end]))
    alone = b"".join(
        line for line in content.splitlines(True) if line.startswith(b"INSTR") or b",BANKNIFTY," in line
    )
    assert len(read_chain(placed(tmp_path, OLD, alone))) == 10  # whoever kept one underlying has no market


def test_one_underlying_that_ends_among_its_puts(shared_data: Path, tmp_path: Path):
    """An extract cut behind a whole row lacks the last puts; rows left out in between tell nothing."""
    content = unpacked(shared_data / OLD).splitlines(True)
    alone = [line for line in content if line.startswith(b"INSTR") or b",BANKNIFTY," in line]
    for end in [*range(8, len(alone) - 1, 97), len(alone) - 1]:
        with pytest.raises(UnreadableFile, match="ends among the puts"):
            read_chain(placed(tmp_path, OLD, b"".join(alone[:end])))
    traded = [line for line in alone if line.split(b",")[10] != b"0"]
    assert read_chain(placed(tmp_path, OLD, b"".join(traded)))


def test_one_underlying_that_ends_behind_an_expiry(shared_data: Path, tmp_path: Path):
    """An extract cut behind a whole expiry holds the future of a later one; its line is named."""
    content = unpacked(shared_data / OLD).splitlines(True)
    alone = [line for line in content if line.startswith(b"INSTR") or b",BANKNIFTY," in line]
    ends = [at for at in range(5, len(alone)) if alone[at].split(b",")[2] != alone[at - 1].split(b",")[2]]
    assert len(ends) == 9
    for end in ends:
        with pytest.raises(UnreadableFile, match="expiry whose future it holds") as caught:
            read_chain(placed(tmp_path, OLD, b"".join(alone[:end])))
        assert caught.value.line in (2, 3, 4)
    some = [line for line in alone[1:] if b",30-Jan-2020," in line or line.split(b",")[10] != b"0"]
    assert read_chain(placed(tmp_path, OLD, b"".join([alone[0], *some])))


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (UDIFF, b"2026-09-29", b"2056-09-29", "The kit knows no such expiry"),
        (JSON, b"25-May-2023", b"25-May-2053", "The kit knows no such expiry"),
        (JSON, b"03-May-2023 15:30", b"03-May-2033 15:30", "its series ends on"),
    ],
)
def test_an_expiry_that_cannot_be(shared_data: Path, tmp_path: Path, name, old, new, told):
    """An expiry beyond the calendar, or years from the file's time, is refused with the file's name."""
    file = placed(tmp_path, name, unpacked(shared_data / name).replace(old, new))
    with pytest.raises(DataError, match=told) as caught:
        read_chain(file)
    assert file.name in str(caught.value)


@pytest.mark.parametrize("expiry", ["28-Apr-2011", "28-Apr-2056"])
def test_a_page_of_an_expiry_beyond_the_calendar(shared_data: Path, tmp_path: Path, expiry):
    """A page's expiry stands in its name; one that the calendar does not reach to is refused with it."""
    name = APRIL.replace("28-Apr-2026", expiry)
    with pytest.raises(UnreadableFile, match=expiry):
        read_chain(placed(tmp_path, name, unpacked(shared_data / APRIL)))


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"BANKNIFTY", b"BANKNIFTV"),
        (b"BANKNIFTY", b"BankNifty"),
        (b"BANKNIFTY", b"NIFTY"),
        (b"30-Jan-2020", b"30-Jan-2021"),
        (b"30-Jan-2020", b"27-Feb-2025"),
        (b",32000,", b",320000,"),
        (None, b""),
    ],
)
def test_a_row_that_is_misspelt_or_left_out(shared_data: Path, tmp_path: Path, old, new, alone):
    """One row under another name, expiry or strike, or none, leaves a counterpart alone and is refused."""
    lines = unpacked(shared_data / OLD).splitlines(True)
    if alone:
        lines = [line for line in lines if line.startswith(b"INSTR") or b",BANKNIFTY," in line]
    at = next(number for number, line in enumerate(lines) if b",BANKNIFTY,30-Jan-2020,32000,PE" in line)
    lines[at] = lines[at].replace(old, new) if old else b""
    with pytest.raises(UnreadableFile, match="counterpart was left out or misspelt") as caught:
        read_chain(placed(tmp_path, OLD, b"".join(lines)))
    assert caught.value.line


@pytest.mark.parametrize(
    "keep",
    [
        lambda cells: cells[10] != b"0",
        lambda cells: cells[12] != b"0",
        lambda cells: cells[4] != b"PE" or float(cells[3]) < 32_000,
        lambda cells: float(cells[8]) > 50,
    ],
    ids=["traded", "held", "some puts", "dear"],
)
def test_rows_that_somebody_chose(shared_data: Path, tmp_path: Path, keep):
    """Rows left out on purpose leave many calls without their puts, and are no damage."""
    content = unpacked(shared_data / OLD).splitlines(True)
    chosen = [line for line in content[1:] if b",BANKNIFTY," in line and keep(line.split(b","))]
    assert read_chain(placed(tmp_path, OLD, b"".join([content[0], *chosen])))


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        (APRIL, b'"56,000.00"'),
        (UDIFF, b"BANKNIFTY26SEP54300CE"),
        (OLD, b"OPTIDX,BANKNIFTY,30-Jan-2020,32000,PE"),
        (OLD, b"FUTIDX,BANKNIFTY,30-Jan-2020"),
    ],
)
def test_a_row_that_repeats(shared_data: Path, tmp_path: Path, name, mark):
    """A contract that comes twice is refused at the second row; it would double the open interest."""
    lines = unpacked(shared_data / name).splitlines(True)
    at = next(number for number, line in enumerate(lines) if mark in line)
    lines.insert(at + 3, lines[at])
    with pytest.raises(UnreadableFile, match="repeats") as caught:
        read_chain(placed(tmp_path, name, b"".join(lines)))
    assert caught.value.line == at + 4


@pytest.mark.parametrize(
    ("name", "old", "new", "column"),
    [
        (APRIL, b'"43,000.00"', b'"43,00x.00"', "STRIKE"),
        (APRIL, b'"43,000.00"', b"-", "STRIKE"),
        (APRIL, b"2.15", b"-2.15", "BID"),
        (APRIL, b"2.15", b"inf", "BID"),
        (APRIL, b"63.61", b"nan", "IV"),
        (APRIL, b'"3,686"', b"1" + b"0" * 400, "OI"),
        (APRIL, b'"3,686"', b"1" + b"0" * 131_073, "OI"),
        (UDIFF, b",330,120,7,", b",-330,120,7,", "OpnIntrst"),
        (UDIFF, b",330,120,7,", b",330,120,1e999,", "TtlTradgVol"),
        (UDIFF, b"3900.00,330", b"true,330", "SttlmPric"),
        (UDIFF, b"F1,30", b"F1,0", "NewBrdLotQty"),
        (UDIFF, b"F1,30", b"F1,", "NewBrdLotQty"),
        (UDIFF, b"2026-08-26,2026-08-26", b"26-Aug-26,2026-08-26", "TradDt"),
        (UDIFF, b"58700.00,CE", b"58700.00,C", "OptnTp"),
        (UDIFF, b"58700.00,CE", b"58700.00,", "OptnTp"),
        (UDIFF, b",IDO,", b",ID,", "FinInstrmTp"),
        (UDIFF, b",BANKNIFTY,,", b",,,", "TckrSymb"),
        (UDIFF, b"2026-09-29,2026-09-29", b"20269,2026-09-29", "XpryDt"),
        (UDIFF, b"BANKNIFTY26SEP58700CE", b"BANKNIFTY26SEP\0\0\0\0", ""),
        (
            OLD,
            b"OPTIDX,BANKNIFTY,30-Jan-2020,32000,PE",
            b"OPTIDX,BANKNIFTY,30-Jan-2020,32000,pe",
            "OPTION_TYP",
        ),
        (
            OLD,
            b"OPTIDX,BANKNIFTY,30-Jan-2020,32000,PE",
            b"FUTIDX,BANKNIFTY,30-Jan-2020,32000,PE",
            "INSTRUMENT",
        ),
        (OLD, b"OPTIDX,BANKNIFTY,30-Jan-2020,32000,PE", b"OPTIDX,BANKNIFTY,30-Jan-20,32000,PE", "EXPIRY_DT"),
        (OLD, b"OPTIDX,BANKNIFTY,30-Jan-2020,32000,PE", b"OPTIDX,BANKNIFTY,30-Jan-2020,0,PE", "STRIKE_PR"),
    ],
)
def test_a_cell_that_cannot_be(shared_data: Path, tmp_path: Path, name, old, new, column):
    """A cell that no such field can hold is refused with its line and its column."""
    content = unpacked(shared_data / name)
    line = content[: content.find(old)].count(b"\n") + 1
    with pytest.raises(UnreadableFile) as caught:
        read_chain(placed(tmp_path, name, content.replace(old, new, 1)))
    assert caught.value.line == line
    if len(new) < 131_000:
        assert caught.value.column == column


@pytest.mark.parametrize(
    ("name", "day", "wrong", "said"),
    [
        (OLD, b"02-JAN-2020", b"05-JAN-2020", "no session"),  # a Sunday
        (OLD, b"02-JAN-2020", b"02-JAN-1999", "calendar does not reach"),
        (OLD, b"02-JAN-2020", b"04-FEB-2020", "had expired"),
        (UDIFF, b"2026-08-26,2026-08-26", b"2026-08-29,2026-08-29", "no session"),
    ],
)
def test_a_day_that_the_file_cannot_be_of(shared_data: Path, tmp_path: Path, name, day, wrong, said):
    """A file of no session, or after a contract's expiry, is refused by name with line and column."""
    content = unpacked(shared_data / name)
    assert day in content
    with pytest.raises(UnreadableFile, match=said) as caught:
        read_chain(placed(tmp_path, name, content.replace(day, wrong)))
    assert caught.value.line
    assert caught.value.column
    assert Path(name).stem.split(".")[0] in str(caught.value)


def test_rows_that_contradict_each_other(shared_data: Path, tmp_path: Path):
    """Two lots in one series are refused, not made into two chains."""
    content = unpacked(shared_data / UDIFF)
    at = content.rfind(b"F1,30")
    with pytest.raises(UnreadableFile, match="contradicts"):
        read_chain(placed(tmp_path, UDIFF, content[:at] + content[at:].replace(b"F1,30", b"F1,35")))


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("name", [APRIL, UDIFF, V3])
def test_codings(shared_data: Path, tmp_path: Path, name, coding):
    """The same text in another coding is the same chain."""
    text = unpacked(shared_data / name).decode()
    again = read_chain(placed(tmp_path, name, text.encode(coding)))[0]
    np.testing.assert_allclose(again.frame["iv"], read_chain(shared_data / name)[0].frame["iv"], rtol=1e-9)


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("CALLS,,PUTS", '"CALLS","","PUTS"'),
        lambda text: text.replace("CALLS,,PUTS\n", ""),
        lambda text: text.replace("BID,ASK", "BID PRICE,ASK PRICE").replace("STRIKE", "STRIKE PRICE"),
        lambda text: text.replace("CHNG IN OI", "Chng in OI").replace(",CHNG,", ",Net Chng,"),
        lambda text: text.replace("CHNG IN OI", "Change_in_OI").replace(",CHNG,", ",Change,"),
        lambda text: text.replace("BID,ASK", "BidPrice,AskPrice").replace(" QTY", "Qty"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text + "\n\n",
    ],
)
def test_the_pages_other_spellings(shared_data: Path, tmp_path: Path, edit):
    """A quoted or missing banner, older headings and other line ends are read as the same chain."""
    plain = (shared_data / APRIL).read_text()
    assert edit(plain) != plain
    again = read_chain(placed(tmp_path, APRIL, edit(plain).encode()))[0]
    known = read_chain(shared_data / APRIL)[0].frame
    for column in ("bid", "ask_qty", "oi_change", "ltp_change"):
        np.testing.assert_array_equal(again.frame[column], known[column])


def test_separators(shared_data: Path, tmp_path: Path):
    """Tabs, as a spreadsheet saves them, are read as the same chain."""
    rows = (shared_data / UDIFF).read_text().replace(",", "\t")
    again = read_chain(placed(tmp_path, UDIFF, rows.encode("utf-16")))
    assert [len(chain.frame) for chain in again] == [
        len(chain.frame) for chain in read_chain(shared_data / UDIFF)
    ]


def test_a_bomb(tmp_path: Path, monkeypatch):
    """A small file that unpacks to more than any of the exchange holds is refused before it is unpacked."""
    monkeypatch.setattr(unpack, "LARGEST_BYTES", 1_000_000)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("x.csv", b"0" * 5_000_000)
    for content in (zipped.getvalue(), gzip.compress(b"0" * 5_000_000)):
        assert len(content) < 10_000
        (tmp_path / "bomb").write_bytes(content)
        with pytest.raises(UnreadableFile, match="more than 1 million bytes"):
            read_chain(tmp_path / "bomb")


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", [JSON, OLD])
def test_a_packed_file_that_was_cut(shared_data: Path, tmp_path: Path, name, keep):
    """Half a gzip and half a zip are refused."""
    content = (shared_data / name).read_bytes()
    (tmp_path / "half").write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(UnreadableFile):
        read_chain(tmp_path / "half")


def test_printed_volatilities_that_say_nothing(shared_data: Path, tmp_path: Path):
    """Volatilities of 0 or 0.0001 tell no time; the file asks for one instead of failing."""
    header, *rows = csv.reader((shared_data / APRIL).read_text().splitlines()[1:])
    for iv in ("0", "0.0001", "-"):
        for row in rows:
            row[header.index("IV")] = row[-header[::-1].index("IV") - 1] = iv
        with (tmp_path / Path(APRIL).name).open("w", newline="") as file:
            csv.writer(file).writerows([["CALLS", "", "PUTS"], header, *rows])
        with pytest.raises(UnreadableFile, match="no volatility that would tell its time"):
            read_chain(tmp_path / Path(APRIL).name)


def test_the_files_own_date_bounds_its_time(shared_data: Path, tmp_path: Path):
    """A time derived from prices is never later than the file's date, and a senseless date is no bound."""
    copied = placed(tmp_path, APRIL, (shared_data / APRIL).read_bytes())
    free = read_chain(shared_data / APRIL)[0]
    told = free.derived["taken_at"]
    assert told.low <= free.taken_at <= told.high
    early = datetime(2026, 4, 10, 13, 0, tzinfo=IST)
    os.utime(copied, (early.timestamp(), early.timestamp()))
    (bound,) = read_chain(copied)
    assert bound.taken_at == bound.derived["taken_at"].high == early
    assert "date" in str(bound.derived["taken_at"])
    os.utime(copied, (0, 0))
    assert read_chain(copied)[0].taken_at == free.taken_at


def test_one_spot_a_day(shared_data: Path):
    """All series of an old bhavcopy have one spot, marked as derived with what the series say."""
    for name, close in (("eod/fo01JAN2020bhav.csv.zip", 32_102.9), (OLD, 32_443.85)):
        chains = read_chain(shared_data / name)
        assert len({chain.spot for chain in chains}) == 1
        told = chains[0].derived["spot"]
        assert told.low <= chains[0].spot <= told.high
        assert chains[0].spot == pytest.approx(close, rel=0.0015)  # the index's close of that day


def test_the_living_series(shared_data: Path):
    """On an expiry day the first living series is the next one, and a file of dead ones says so."""
    chains = read_chain(shared_data / OLD)
    assert (chains[0].t_years, living(chains).expiry) == (0.0, date(2020, 1, 9))
    with pytest.raises(DataError, match="lives on"):
        living(chains[:1])


AFTER = datetime(2026, 4, 29, 10, 0, tzinfo=IST)


@pytest.mark.parametrize(
    ("name", "told", "match"),
    [
        (UDIFF, {"taken_at": datetime(2026, 8, 26, 12, 0, tzinfo=IST)}, "bhavcopy"),
        (APRIL, {"taken_at": AFTER}, "cannot be of this time"),
        (APRIL, {"taken_at": AFTER + timedelta(days=900)}, "cannot be of this time"),
        (JSON, {"taken_at": datetime(2012, 1, 2, 10, 0, tzinfo=IST)}, "cannot be of this time"),
        (APRIL, {"spot": -5.0}, "index level"),
        (APRIL, {"spot": float("nan")}, "index level"),
        (APRIL, {"spot": float("inf")}, "index level"),
        (APRIL, {"spot": 1_000.0}, "nowhere near"),
        (JSON, {"spot": 900_000.0}, "nowhere near"),
        (APRIL, {"underlying": "NIFTY"}, "no options on NIFTY"),
        (JSON, {"underlying": "NIFTY"}, "no options on NIFTY"),
        (UDIFF, {"underlying": "NIFTY"}, "no options on NIFTY"),
    ],
)
def test_what_cannot_apply_is_refused(shared_data: Path, name, told, match):
    """A time, spot or underlying that cannot be the file's is refused, and the file not called damaged."""
    with pytest.raises(DataError, match=match) as caught:
        read_chain(shared_data / name, **told)
    assert "damaged" not in str(caught.value)
    assert caught.value.remedy


def test_a_spot_of_several_days(shared_data: Path, tmp_path: Path):
    """One spot for a file of two days is refused."""
    text = (shared_data / UDIFF).read_text()
    second = text.replace("2026-08-26,2026-08-26", "2026-08-25,2026-08-25").split("\n", 1)[1]
    with pytest.raises(DataError, match="several days"):
        read_chain(placed(tmp_path, UDIFF, (text + second).encode()), spot=57_000)
