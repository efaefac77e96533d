"""Files of the exchange as they are: real ones, and ones that claim to be."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kit.chains.readers import read_chain
from kit.clock import IST
from kit.errors import UnreadableFile
from kit.pricing.analytics import snapshot_analytics

JSON = "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz"
APRIL = "chain/option-chain-ED-BANKNIFTY-28-Apr-2026.csv"
MAY = "chain/option-chain-ED-BANKNIFTY-26-May-2026.csv"


def test_parity_forward_of_a_real_chain(shared_data: Path):
    """Put-call parity on 3 May 2023 must give a forward near 43322 against a spot of 43312.70."""
    chain = read_chain(shared_data / JSON)[0]
    assert (chain.underlying, chain.expiry, chain.spot) == ("BANKNIFTY", date(2023, 5, 4), 43_312.7)
    assert chain.taken_at == datetime(2023, 5, 3, 15, 30, tzinfo=IST)
    assert chain.forward_from == "parity"
    assert chain.forward == pytest.approx(43_322, abs=8)


def test_lots_become_units(shared_data: Path):
    """Open interest counted in lots must come out in units, contract by contract."""
    raw = json.loads(gzip.decompress((shared_data / JSON).read_bytes()))
    legs = [
        entry["CE"]
        for entry in raw["records"]["data"]
        if "CE" in entry and entry["expiryDate"] == "04-May-2023"
    ]
    chain = read_chain(shared_data / JSON)[0]
    assert chain.lot_size == 25
    for leg in legs:
        row = chain.quote(leg["strikePrice"], "CE")
        assert row["oi"] == leg["openInterest"] * 25
        assert row["volume"] == leg["totalTradedVolume"] * 25
        assert row["bid"] == leg["bidprice"] or np.isnan(row["bid"])


def test_every_expiry_in_order(shared_data: Path):
    """Every expiry of the answer must be a snapshot, nearest first, and one that became a holiday moves."""
    chains = read_chain(shared_data / JSON)
    assert len(chains) == 10
    assert [chain.expiry for chain in chains] == sorted(chain.expiry for chain in chains)
    assert date(2023, 6, 28) in [chain.expiry for chain in chains]  # listed as the 29th, a holiday since


def test_volatilities_agree_with_the_exchange(shared_data: Path):
    """Near the money our volatility must be near the one that the exchange printed."""
    raw = json.loads(gzip.decompress((shared_data / JSON).read_bytes()))
    chain = read_chain(shared_data / JSON)[1]
    for entry in raw["records"]["data"]:
        if entry["expiryDate"] == "11-May-2023" and abs(entry["strikePrice"] - 43_300) <= 300:
            printed = (entry["CE"]["impliedVolatility"] + entry["PE"]["impliedVolatility"]) / 200
            ours = np.mean([chain.quote(entry["strikePrice"], right)["iv"] for right in ("CE", "PE")])
            assert ours == pytest.approx(printed, abs=0.012)


@pytest.mark.parametrize(("file", "expiry"), [(APRIL, date(2026, 4, 28)), (MAY, date(2026, 5, 26))])
def test_web_export(shared_data: Path, file, expiry):
    """The web page's CSV must give a chain whose time follows from the volatilities that it prints."""
    (chain,) = read_chain(shared_data / file)
    assert (chain.expiry, chain.lot_size, chain.source) == (expiry, 30, "file")
    assert abs(chain.taken_at.date() - date(2026, 4, 21)) <= timedelta(days=1)
    assert chain.forward_from == "parity"
    assert chain.forward == pytest.approx(56_700, rel=0.006)
    assert (chain.frame["oi"] % 30 == 0).all()


def test_web_export_units(shared_data: Path):
    """Numbers with commas, dashes for nothing, and open interest in lots must be read right."""
    row = read_chain(shared_data / APRIL)[0].quote(43_000, "PE")
    assert (row["oi"], row["oi_change"], row["volume"]) == (3_686 * 30, -321 * 30, 2_354 * 30)
    assert (row["bid"], row["ask"], row["ltp"]) == (2.15, 2.40, 2.20)
    call = read_chain(shared_data / APRIL)[0].quote(43_000, "CE")
    assert (call["oi"], call["bid"]) == (0, 12_817.90)
    assert np.isnan(call["ltp"])


def test_web_export_told_when(shared_data: Path):
    """A time and a spot that the caller knows must be used as they are."""
    at = datetime(2026, 4, 21, 12, 0, tzinfo=IST)
    (chain,) = read_chain(shared_data / APRIL, taken_at=at, spot=56_500.0)
    assert (chain.taken_at, chain.spot) == (at, 56_500.0)


def test_old_bhavcopy(shared_data: Path):
    """The old end-of-day file must give every expiry, with parity against the future within a few points."""
    chains = read_chain(shared_data / "eod" / "fo01JAN2020bhav.csv.zip")
    monthly = next(chain for chain in chains if chain.expiry == date(2020, 1, 30))
    assert monthly.lot_size == 20
    assert monthly.forward == pytest.approx(
        32_285.2, abs=10
    )  # settlement price of the future that expires then
    assert (monthly.frame["oi"] % 20 == 0).all()


def test_bhavcopy_on_expiry_day(shared_data: Path):
    """On its last day a series must be there, expired, at the level its last trades say."""
    expiring = read_chain(shared_data / "eod" / "fo02JAN2020bhav.csv.zip")[0]
    assert (expiring.expiry, expiring.t_years) == (date(2020, 1, 2), 0.0)
    assert expiring.spot == pytest.approx(32_443, abs=15)
    assert set(expiring.frame["iv_reason"]) <= {"expired", "missing"}


def test_new_bhavcopy(shared_data: Path):
    """The UDiFF file must be read by its header, volume from lots to units, its own lot and spot used."""
    chains = read_chain(shared_data / "eod" / "fo_udiff_20260826_BANKNIFTY_rows.csv")
    chain = next(found for found in chains if found.expiry == date(2026, 9, 29))
    row = chain.quote(54_300, "CE")
    assert (chain.spot, chain.lot_size) == (57_783.75, 30)
    assert (row["volume"], row["oi"], row["oi_change"], row["ltp"]) == (7 * 30, 330, 120, 3_900)
    assert date(2026, 11, 23) in [found.expiry for found in chains]  # moved from the 24th, a holiday


def test_the_future_of_a_bhavcopy_is_used(shared_data: Path, tmp_path: Path):
    """Where an expiry has no pairs, its own traded future is the forward, in both formats."""
    with zipfile.ZipFile(shared_data / "eod" / "fo01JAN2020bhav.csv.zip") as packed:
        lines = packed.read(packed.namelist()[0]).decode().splitlines()
    kept = [line for line in lines if ",BANKNIFTY,27-Feb-2020," in line and ",CE," not in line]
    old = tmp_path / "old.csv"
    old.write_text("\n".join([lines[0], *kept]))
    (chain,) = read_chain(old)
    assert (chain.forward, chain.forward_from) == (32_403.25, "future")

    header, *rows = (shared_data / "eod" / "fo_udiff_20260826_BANKNIFTY_rows.csv").read_text().splitlines()
    cells = next(row for row in rows if ",2026-11-23," in row).split(",")
    names = header.split(",")
    for name, cell in {
        "FinInstrmTp": "IDF",
        "OptnTp": "",
        "StrkPric": "",
        "SttlmPric": "58601.5",
        "TtlTradgVol": "90",
    }.items():
        cells[names.index(name)] = cell
    new = tmp_path / "new.csv"
    new.write_text("\n".join([header, *rows, ",".join(cells)]))
    chain = next(found for found in read_chain(new) if found.expiry == date(2026, 11, 23))
    assert (chain.forward, chain.forward_from) == (58_601.5, "future")


UDIFF = "eod/fo_udiff_20260826_BANKNIFTY_rows.csv"


def udiff_table(shared_data: Path) -> pd.DataFrame:
    """Read the new bhavcopy as text."""
    return pd.read_csv(shared_data / UDIFF, dtype=str, keep_default_na=False)


def future_of(table: pd.DataFrame, **cells: str) -> pd.DataFrame:
    """Return the line of a future of 23 November 2026 with some cells of its own."""
    line = table[table["XpryDt"] == "2026-11-23"].head(1)
    return line.assign(FinInstrmTp="IDF", OptnTp="", StrkPric="", **{"TtlTradgVol": "90"} | cells)


@pytest.mark.parametrize("cell", ["", "-", "0.00", " "])
def test_a_price_that_a_bhavcopy_leaves_out_is_unknown(shared_data: Path, tmp_path: Path, cell: str):
    """A previous close or a future that is blank, a dash or zero is none, and costs nothing else."""
    table = udiff_table(shared_data)
    plain = {chain.expiry: chain for chain in read_chain(shared_data / UDIFF)}
    changed = pd.concat([table.assign(PrvsClsgPric=cell), future_of(table, SttlmPric=cell)])
    changed.to_csv(tmp_path / "new.csv", index=False)
    for chain in read_chain(tmp_path / "new.csv"):
        assert chain.frame["ltp_change"].isna().all()
        assert (chain.forward, chain.forward_from) == (
            plain[chain.expiry].forward,
            plain[chain.expiry].forward_from,
        )


def test_half_a_row_of_a_bhavcopy_is_damage(shared_data: Path, tmp_path: Path):
    """A future whose row ends before its price is no missing price: the file is refused."""
    table = udiff_table(shared_data)
    whole = pd.concat([table, future_of(table)]).to_csv(index=False).rstrip()
    (tmp_path / "new.csv").write_text(",".join(whole.split(",")[:-20]))
    with pytest.raises(UnreadableFile, match="damaged"):
        read_chain(tmp_path / "new.csv")


def test_each_day_of_a_bhavcopy_has_its_own_future(shared_data: Path, tmp_path: Path):
    """Where days are joined in one file, a chain's forward is the future of its own day."""
    table = udiff_table(shared_data)
    both = []
    for day, settled in (("2026-08-25", "58401.5"), ("2026-08-26", "58601.5")):
        both += [table.assign(TradDt=day), future_of(table, TradDt=day, SttlmPric=settled)]
    pd.concat(both).to_csv(tmp_path / "two.csv", index=False)
    found = [chain for chain in read_chain(tmp_path / "two.csv") if chain.expiry == date(2026, 11, 23)]
    forwards = {chain.taken_at.day: chain.forward for chain in found}
    assert forwards == {25: 58_401.5, 26: 58_601.5}


def test_an_export_without_the_change_of_the_price(shared_data: Path, tmp_path: Path):
    """A page that does not print it gives the same chain, the change unknown."""
    copied = tmp_path / Path(APRIL).name
    copied.write_text((shared_data / APRIL).read_text().replace(",CHNG,", ",NET,"))
    (chain,), (plain,) = read_chain(copied), read_chain(shared_data / APRIL)
    assert chain.frame["ltp_change"].isna().all()
    np.testing.assert_array_equal(chain.frame["iv"], plain.frame["iv"])


@pytest.mark.parametrize(
    ("file", "expiry", "strike", "right", "change"),
    [
        (JSON, date(2023, 5, 4), 43_300, "CE", None),
        (APRIL, date(2026, 4, 28), 43_000, "PE", 0.45),
        ("eod/fo_udiff_20260826_BANKNIFTY_rows.csv", date(2026, 9, 29), 54_300, "CE", 420.0),
        ("eod/fo_udiff_20260826_BANKNIFTY_rows.csv", date(2026, 9, 29), 61_400, "CE", np.nan),
        ("eod/fo01JAN2020bhav.csv.zip", date(2020, 1, 30), 32_300, "CE", np.nan),
    ],
)
def test_the_change_of_the_price(shared_data: Path, file, expiry, strike, right, change):
    """What the file says of the previous close must be there, and NaN where it says nothing."""
    chain = next(found for found in read_chain(shared_data / file) if found.expiry == expiry)
    if change is None:  # the exchange prints it beside the last price
        raw = json.loads(gzip.decompress((shared_data / file).read_bytes()))["records"]["data"]
        legs = [entry[right] for entry in raw if entry["strikePrice"] == strike and right in entry]
        change = next(leg["change"] for leg in legs if leg["expiryDate"] == "04-May-2023")
    np.testing.assert_allclose(chain.quote(strike, right)["ltp_change"], change)


def test_build_up_of_a_real_day(shared_data: Path):
    """A day's chain must say what was built up at each strike and how open interest changed in all."""
    chain = read_chain(shared_data / JSON)[0]
    found = snapshot_analytics(chain)
    calls = chain.table[chain.table["right"] == "CE"]
    assert found.call_oi_change == calls["oi_change"].sum()
    assert found.put_build_up.shape == (len(chain.strikes),)
    assert {"long build-up", "short build-up", "long unwinding"} <= set(found.put_build_up)


def test_no_record_found(shared_data: Path):
    """An export without records must say so and what to do."""
    with pytest.raises(UnreadableFile, match="no record") as caught:
        read_chain(shared_data / "chain/option-chain-ED-BANKNIFTY-30-Mar-2027.csv")
    assert "Export" in caught.value.remedy


@pytest.mark.parametrize(
    "file",
    [
        "eod/BhavCopy_NSE_CM_0_0_0_20250829_F_0000.csv.zip",
        "eod/fo14112025.zip",
        "eod/nse_contractwise_OPTIDX_BANKNIFTY_28Mar2024_sample.csv",
        "chain/option-chain-ED-BANKNIFTY-29-Sep-2026.csv",
        "chain/rohm_BANKNIFTY_nse_chain_2019-05.tar.xz",
        "intraday/bnf_20221230.parquet",
        "angel/docsample_quote_1.json",
        "README.md",
        "no such file.csv",
        ".",
    ],
)
def test_wrong_files(shared_data: Path, file):
    """A real file of another kind must be refused by name with a remedy."""
    with pytest.raises(UnreadableFile) as caught:
        read_chain(shared_data / file)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b'{"records": {}}', b'{"records": {"timestamp": "x", "data": []}}',
        b'{"records": {"timestamp": "03-May-2023 15:30:00", "underlyingValue": 1, "data": []}}',
        b"\x1f\x8b half a gzip", b"PK half a zip", b"\xff\xfe\x00", b"CALLS,,PUTS\n",
        b"CALLS,,PUTS\na,b\n1,2\n",
        b"INSTRUMENT,SYMBOL,EXPIRY_DT,STRIKE_PR\nOPTIDX,BANKNIFTY\n", b"TradDt,BizDt,Sgmt\n2026-01-01\n",
    ],
)  # fmt: skip
def test_damaged_files(tmp_path: Path, content):
    """Half a file, or a file that only begins like one, must be refused, never crash."""
    file = tmp_path / "option-chain-ED-BANKNIFTY-28-Apr-2026.csv"
    file.write_bytes(content)
    with pytest.raises(UnreadableFile):
        read_chain(file)


def test_renamed_export(shared_data: Path, tmp_path: Path):
    """An export whose name lost its expiry must be refused; other words around it are fine."""
    shutil.copy(shared_data / APRIL, tmp_path / "chain.csv")
    with pytest.raises(UnreadableFile, match="name"):
        read_chain(tmp_path / "chain.csv")
    shutil.copy(shared_data / APRIL, tmp_path / "option-chain-ED-BANKNIFTY-28-Apr-2026 (1).csv")
    assert read_chain(tmp_path / "option-chain-ED-BANKNIFTY-28-Apr-2026 (1).csv")


def test_the_same_file_everywhere(shared_data: Path, tmp_path: Path):
    """A copied file must give the same chain, whatever its date on disk."""
    copied = tmp_path / Path(APRIL).name
    shutil.copyfile(shared_data / APRIL, copied)
    assert read_chain(copied)[0].taken_at == read_chain(shared_data / APRIL)[0].taken_at


LEADS = {
    "a banner in one cell": ('"CALLS,,PUTS"', "\n"),
    "lines of words": (
        "Option Chain (Equity Derivatives)\nAs on Apr 21, 2026 15:30:00 IST\nCALLS,,PUTS",
        "\n",
    ),
    "a spreadsheet's hint": ("sep=,\nCALLS,,PUTS", "\n"),
    "marks of byte order": ("\ufeff\ufeffCALLS,,PUTS", "\r\n"),
}


@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("kind", LEADS)
def test_what_stands_above_an_exports_heading(shared_data: Path, tmp_path: Path, kind: str, coding: str):
    """Whatever a program wrote above the heading, and in which coding, the chain is the same."""
    banner, end = LEADS[kind]
    _, *rows = (shared_data / APRIL).read_text(encoding="utf-8-sig").splitlines()
    copied = tmp_path / Path(APRIL).name
    copied.write_bytes(end.join([*banner.split("\n"), *rows, ""]).encode(coding))
    (found,), (whole,) = read_chain(copied), read_chain(shared_data / APRIL)
    assert found.frame.equals(whole.frame)
