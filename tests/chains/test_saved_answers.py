"""Option-chain answers as browsers and tools save them: whole or in parts, in any of the spellings."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.chains import fields
from kit.chains.readers import read_chain
from kit.errors import UnreadableFile

V3 = "chain/option-chain-v3_made_up_specimen.json"
OLD = "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz"
TAKEN = {V3: datetime(2026, 10, 8, 13, 45), OLD: datetime(2023, 5, 3, 15, 30)}


def answer(folder: Path, name: str) -> dict[str, Any]:
    """Return one of the two layouts' answers, to be changed."""
    content = (folder / name).read_bytes()
    return json.loads(gzip.decompress(content) if name == OLD else content)


def legs(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the contracts that are listed."""
    for row in whole["records"]["data"]:
        yield from (leg for leg in (row.get("CE"), row.get("PE")) if leg and leg["strikePrice"])


def saved(folder: Path, content: object) -> Path:
    """Write what a tool saved."""
    (folder / "chain.json").write_text(json.dumps(content))
    return folder / "chain.json"


@pytest.mark.parametrize("name", [V3, OLD])
@pytest.mark.parametrize("part", ["records", "inside", "rows", "filtered"])
def test_parts_of_an_answer(shared_data: Path, tmp_path: Path, name: str, part: str):
    """What tools keep of an answer is read; where the time was lost, it is asked for and then taken."""
    whole = answer(shared_data, name)
    kept = {
        "records": {"records": whole["records"]},
        "inside": whole["records"],
        "rows": whole["records"]["data"],
        "filtered": {"filtered": {"data": whole["records"]["data"]}},
    }[part]
    file = saved(tmp_path, kept)
    if part in ("rows", "filtered"):
        with pytest.raises(UnreadableFile, match="taken_at"):
            read_chain(file)
    again, plain = read_chain(file, taken_at=TAKEN[name]), read_chain(shared_data / name)
    assert [len(chain.frame) for chain in again] == [len(chain.frame) for chain in plain]
    np.testing.assert_array_equal(again[0].frame["bid"], plain[0].frame["bid"])


SPELLINGS: dict[str, Callable[[dict[str, Any]], object]] = {
    "strike text": lambda leg: leg.update(strikePrice=f"{leg['strikePrice']:,}.00"),
    "numbers text": lambda leg: leg.update({key: f"{leg[key]:,}" for key in leg if _is_number(leg[key])}),
    "expiry ISO": lambda leg: leg.update(expiryDate=str(fields.day(leg["expiryDate"]))),
    "expiry dd-mm": lambda leg: leg.update(expiryDate=f"{fields.day(leg['expiryDate']):%d-%m-%Y}"),
    "expiry absent": lambda leg: leg.pop("expiryDate"),
    "underlying": lambda leg: leg.update(underlying=" Nifty Bank"),
    "blanks": lambda leg: leg.update({key: None for key in leg if leg[key] == 0}),
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


@pytest.mark.parametrize("name", [V3, OLD])
@pytest.mark.parametrize("what", sorted(SPELLINGS))
def test_spellings(shared_data: Path, tmp_path: Path, name: str, what: str):
    """Another spelling of the same contracts is the same chain, under the name that contracts have."""
    whole = answer(shared_data, name)
    for leg in legs(whole):
        SPELLINGS[what](leg)
    again = read_chain(saved(tmp_path, whole), underlying="BANKNIFTY")[0]
    assert again.underlying == "BANKNIFTY"
    np.testing.assert_array_equal(again.frame["bid"], read_chain(shared_data / name)[0].frame["bid"])


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2026-10-08 13:45:00", "13:45"),
        ("2026-10-08T13:45:00+05:30", "13:45"),
        ("08-Oct-2026  13:45", "13:45"),
        ("08-10-2026 13:45:00.25", "13:45"),
        ("08-Oct-2026 08:15:00Z", "13:45"),
        ("08-Oct-2026", None),
        ("08-Oct-2026 25:00:00", None),
        ("08-Oct-2026 01:45 PM", None),
        (1_791_446_100, None),
        ("", None),
    ],
)
def test_times(shared_data: Path, tmp_path: Path, text: object, hours: str | None):
    """A time is read with its zone, or refused; it is never half a time."""
    whole = answer(shared_data, V3)
    whole["records"]["timestamp"] = text
    file = saved(tmp_path, whole)
    if hours is None:
        with pytest.raises(UnreadableFile, match="time"):
            read_chain(file)
    else:
        assert f"{read_chain(file)[0].taken_at:%Y-%m-%d %H:%M}" == f"2026-10-08 {hours}"


@pytest.mark.parametrize("text", ["12,34", "1,2345", ",123", "12,34,5", "1,,234", "1 234", "１２"])
def test_commas_that_are_no_thousands(text: str):
    """A comma that no writer of thousands puts is refused: it is another country's decimal point."""
    with pytest.raises(fields.UnfitError):
        fields.price(text)
    assert fields.price("12,34,567.5") == fields.price("1,234,567.5") == 1_234_567.5


def test_a_leg_without_a_name_that_trades(shared_data: Path, tmp_path: Path):
    """Interest without an underlying and an expiry is damage, not a contract that is not listed."""
    whole = answer(shared_data, V3)
    next(legs(whole)).update(underlying=None, expiryDate=None, lastPrice=0, buyPrice1=0, sellPrice1=0)
    with pytest.raises(UnreadableFile, match="openInterest"):
        read_chain(saved(tmp_path, whole))
