"""What a result shows: figures, tables, files, and its band."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from kit.backtest import backtest
from kit.backtest.band import CONVENTIONS, band_sentence
from kit.backtest.holdings import skipped_words
from kit.backtest.plan.ready import ready_plan
from kit.backtest.sweep import sweep
from kit.bars.importing import import_files
from kit.bars.minute_store import MinuteStore
from kit.cli import main
from kit.errors import DataError, SettingsError
from kit.parallel import ConcurrentProcessor

JANUARY = {"start": date(2024, 1, 1), "end": date(2024, 1, 10)}


@pytest.fixture(scope="module")
def result(real_days):
    """Trade two straddles over January 2024, with their band."""
    plan = ready_plan("short_straddle_reentry")
    return backtest([plan, ready_plan("short_straddle_920")], real_days, band=True, **JANUARY)


def test_the_parts_sum_to_the_total(result):
    """Days, months, weekdays, reasons and charges each sum to the whole."""
    net = result.net_inr
    assert result.daily.sum() == pytest.approx(net)
    assert np.nansum(result.monthly().to_numpy()) == pytest.approx(net)
    for table in (result.by_weekday(), result.by_days_to_expiry(), result.by_reason()):
        assert table["net_inr"].sum() == pytest.approx(net)
    assert sum(result.charges_split.values()) == pytest.approx(
        result.metrics["charges_inr"], abs=0.01 * len(result.trades)
    )
    assert result.by_minute.iloc[-1] == pytest.approx(net)


def test_two_plans_share_one_capital(real_days, result):
    """A portfolio earns what its plans earn, on the sum of their capital."""
    alone = {plan.name: backtest(plan, real_days, **JANUARY) for plan in result.plans}
    assert result.by_plan()["net_inr"].to_dict() == pytest.approx(
        {n: one.net_inr for n, one in alone.items()}
    )
    assert result.daily.sum() == pytest.approx(sum(one.net_inr for one in alone.values()))
    assert result.capital_inr == sum(plan.capital_inr for plan in result.plans)
    half = backtest(result.plans, real_days, capital_inr=result.capital_inr / 2, **JANUARY)
    assert half.metrics["return_per_year"] == pytest.approx(2 * result.metrics["return_per_year"])
    assert half.metrics["sharpe"] == pytest.approx(result.metrics["sharpe"])


def test_the_band_counts_every_other_convention(result):
    """The band has the plan as it is and under each convention that changes it, and says what rests on it."""
    assert list(result.band.index) == ["as planned", *list(CONVENTIONS)[2:]]
    assert result.band.loc["as planned", "net_inr"] == pytest.approx(result.net_inr)
    assert "rest on the convention" in band_sentence(result.band)
    assert repr(result).startswith("<BacktestResult short_straddle_reentry, short_straddle_920: net")
    assert "Nothing was traded" in band_sentence(result.band * 0)


@pytest.mark.parametrize(
    ("net", "said"),
    [
        ([1000, 400, 1200], "the ₹ 800 between, 80% of the planned profit, rest on the convention."),
        ([-1000, -1500, -200], "the ₹ 1,300 between, 130% of the planned loss, rest on the convention."),
        (
            [-1000, -1000, 500],
            "150% of the planned loss, rest on the convention; so does whether it earns or loses.",
        ),
        ([0, -300, 200], "the ₹ 500 between rest on the convention; so does whether it earns or loses."),
        ([0, 0, 200], "Planned ₹ 0; from ₹ 0 (as planned) to ₹ 200 (c) by the fills: the ₹ 200 between rest"),
        ([500, 500, 500], "The profit of ₹ 500 does not depend on how fills are counted."),
        ([-500, -500, -500], "The loss of ₹ 500 does not depend on how fills are counted."),
        ([0, 0, 0], "The result of ₹ 0 does not depend on how fills are counted."),
    ],
)
def test_the_band_is_said_whole(net, said):
    """What rests on the convention is all that lies between the worst and the best fills, gain or loss."""
    band = pd.DataFrame({"net_inr": net, "trades": 2}, index=["as planned", "b", "c"], dtype=float)
    assert said in band_sentence(band)


def test_excursions_hold_the_trade(result):
    """No trade earns more than its best moment or less than its worst, as far as its own bars tell."""
    by_level = result.filled[result.filled["reason"] == "time"]
    assert (by_level["gross_inr"] <= by_level["best_inr"] + 1e-6).all()
    assert (by_level["gross_inr"] >= by_level["worst_inr"] - 1e-6).all()


def test_contract_notes_round_once_a_day(result):
    """A day's note holds all its orders; only STT and stamp duty are rounded, each to the nearest rupee."""
    table, notes = result.charges_table(), result.contract_notes
    for name in ("brokerage", "exchange", "sebi", "gst"):
        assert table.loc["exact", name] == pytest.approx(table.loc["by contract notes", name])
    assert (notes[["stt", "stamp"]] % 1 == 0).all(axis=None)
    assert list(notes.index) == sorted({pd.Timestamp(at.date()) for at in result.filled["entry_bar"]})
    assert abs(result.rounding_inr) <= len(notes)  # half a rupee for each of the two taxes
    by_contract = table.loc["by contract notes", "total"]
    assert result.rounding_inr == pytest.approx(by_contract - sum(result.charges_split.values()))
    assert f"₹ {by_contract:,.2f}" in result._repr_html_().replace("\N{NO-BREAK SPACE}", " ")


def test_poor_days_are_left_out_and_said(real_days):
    """Sessions below the score are rows of the log with their score, and nothing of them is traded."""
    plan = ready_plan("short_straddle_920")
    found = backtest(plan, real_days, least_score=0.9)
    poor = found.trades[found.trades["why"].fillna("").str.startswith("left out for its quality")]
    assert len(poor) == 2 * len(found.skipped) > 0
    assert set(poor["day"]).isdisjoint(found.filled["day"])
    assert {day.day for day in found.skipped}.isdisjoint(found.sessions)
    every = backtest(plan, real_days)
    pd.testing.assert_series_equal(
        found.daily, every.daily[every.daily.index.isin(found.daily.index)], check_freq=False
    )
    swept = sweep(plan, real_days, {"legs.*.stop.percent": [20, 30]}, least_score=0.9)
    assert [day.day for day in swept.skipped] == [day.day for day in found.skipped]
    with pytest.raises(SettingsError, match="between 0 and 1"):
        backtest(plan, real_days, least_score=60)


@pytest.mark.parametrize(
    ("plans", "capital", "said"),
    [
        ([], None, "nothing to trade"),
        (["iron_condor"] * 2, None, "same name"),
        (["iron_condor"], 0, "capital"),
    ],
)
def test_a_portfolio_that_cannot_be_is_refused(real_days, plans, capital, said):
    """No plan, two of one name, or a capital of nothing is one sentence."""
    with pytest.raises(SettingsError, match=said):
        backtest([ready_plan(name) for name in plans], real_days, capital_inr=capital)


def test_the_page_stands_alone(result, tmp_path):
    """The page holds figures, plots, band and trades, and loads nothing from elsewhere."""
    text = result.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("<svg") == 2
    assert "short_straddle_reentry" in text
    assert "at the bar&#x27;s worst" in text or "at the bar's worst" in text
    assert "prefers-color-scheme:dark" in text
    assert "net ₹" in text
    assert "net_inr" not in text
    for outside in ("<script", "<link", 'src="http'):
        assert outside not in text
    assert "<dt>Net profit</dt>" in result._repr_html_()


def test_a_file_that_cannot_be_written_is_named(result, tmp_path):
    """A log that cannot be written is an error with its path; the result stays."""
    (tmp_path / "occupied").write_text("")
    with pytest.raises(SettingsError, match="still there"):
        result.to_csv(tmp_path / "occupied" / "log.csv")


def test_the_workbook_holds_the_log(result, tmp_path):
    """The workbook's first sheet is the trade log."""
    pytest.importorskip("openpyxl")
    sheets = pd.read_excel(result.to_excel(tmp_path / "log.xlsx"), sheet_name=None)
    assert sheets["trades"]["net_inr"].sum() == pytest.approx(result.net_inr)


def test_a_damaged_day_is_a_row_and_the_others_are_traded(shared_data, tmp_path):
    """A session whose bits have rotten is refused by name with the remedy; what the others earn is kept."""
    store = MinuteStore(tmp_path)
    import_files([shared_data / "intraday" / "bnf_exp_20240110"], store)
    plan, span = ready_plan("short_straddle_920"), {"start": date(2024, 1, 3), "end": date(2024, 1, 10)}
    whole = backtest(plan, store, **span)
    month = next(store.folder.glob("options-2024-01.parquet"))
    group = pq.read_metadata(month).row_group(4)  # 5 January, the fifth session of the month
    content = bytearray(month.read_bytes())
    for number in range(group.num_columns):
        content[group.column(number).data_page_offset + 60] ^= 0xFF
    month.write_bytes(content)
    found = backtest(plan, store, **span)
    (bad,) = [day for day in found.skipped if day.error]
    assert "import or collect" in found.trades.loc[found.trades["day"] == bad.day, "why"].iloc[0]
    rest = whole.trades[whole.trades["day"] != bad.day].reset_index(drop=True)
    kept = found.trades[found.trades["day"] != bad.day].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, rest, check_dtype=False)
    grid = {"legs.*.stop.percent": [10, 25], "entry.at": ["09:20", "09:30"]}
    with ConcurrentProcessor(max_workers=1, backend="processes") as processor:
        for runs in (None, processor):
            swept = sweep(plan, store, grid, processor=runs, folder=tmp_path / "kept", **span)
            assert [day.day for day in swept.skipped] == [bad.day]
            assert bad.day not in swept.days
            as_planned = swept.parameters.index[swept.parameters.eq([25, "09:20"]).all(axis=1)].item()
            assert swept.net[:, as_planned].sum() == pytest.approx(found.net_inr, abs=0.005)


def test_a_month_cut_short_is_left_out_and_the_others_are_traded(shared_data, tmp_path, capsys):
    """Of a month whose file was cut every session is skipped for one reason, said with the remedy."""
    store, plan = MinuteStore(tmp_path), ready_plan("short_straddle_920")
    import_files([shared_data / "intraday" / "bnf_exp_20240110"], store)
    december = {"start": date(2023, 12, 7), "end": date(2023, 12, 29)}
    whole = backtest(plan, store, **december).filled
    month = store.folder / "options-2024-01.parquet"
    month.write_bytes(month.read_bytes()[:-99])
    found = backtest(plan, store)
    pd.testing.assert_frame_equal(found.filled, whole, check_dtype=False)
    lost = [day for day in found.skipped if day.day.year == 2024]
    assert len(lost) == 22  # sessions of January 2024, a Saturday's included
    (told,) = [words for words in skipped_words(found.skipped) if "damaged" in words]
    assert "2024-01-01 and 21 sessions more" in told
    assert "import or collect its days again" in told
    swept = sweep(plan, store, {"legs.*.stop.percent": [10, 20]})
    assert {day.day for day in swept.skipped} == {day.day for day in lost}
    assert main(["backtest", "short_straddle_920", "--data", str(tmp_path), "--no-band"]) == 0
    assert told in capsys.readouterr().out
    import_files([*(shared_data / "intraday").glob("*.feather")], store)  # another month can still be filled


def test_data_without_minutes_is_told_from_a_range_without_them(real_days, tmp_path):
    """What holds nothing names itself and how to fill it; a range beside the data names what there is."""
    plan = ready_plan("short_straddle_920")
    for empty, named in ((MinuteStore(tmp_path), str(tmp_path)), ({}, "an empty dict")):
        with pytest.raises(DataError, match=r"no minutes.*kit collect") as caught:
            backtest(plan, empty)
        assert named in str(caught.value)
    with pytest.raises(DataError, match=r"no session in this range: 'from 2031-01-01'. It has 2") as caught:
        backtest(plan, real_days, start=date(2031, 1, 1))
    assert "None" not in str(caught.value)
    with pytest.raises(DataError, match="ends before it begins: 'from 2031-01-01 to 2024-01-01'"):
        backtest(plan, real_days, start=date(2031, 1, 1), end=date(2024, 1, 1))


def test_a_log_makes_its_folder(result, tmp_path):
    """A log is written into a folder that is not there yet."""
    assert result.to_csv(tmp_path / "none" / "log.csv").exists()


def test_a_wing_on_its_body_is_told(real_days):
    """Where rules put two legs on one contract, on either side, the result says on how many sessions."""
    plan = ready_plan("short_straddle_920")
    legs = [leg.model_dump(exclude_none=True) for leg in plan.legs]
    same = backtest(plan.but(legs=[*legs, {**legs[0], "side": "buy"}]), real_days, **JANUARY)
    assert any("scaled up from 8 sessions" in note for note in same.notes)
    taken = same.filled[same.filled["leg"] == 3]["day"].nunique()
    assert any(f"one contract at once on {taken} sessions" in note for note in same.notes)
    assert not any("one contract" in note for note in backtest(plan, real_days, **JANUARY).notes)
