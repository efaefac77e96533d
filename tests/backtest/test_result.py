"""What a result shows: figures, tables, files, and its band."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from kit.backtest import backtest
from kit.backtest.band import CONVENTIONS, band_sentence
from kit.backtest.metrics import drawdown, sharpe, sortino
from kit.backtest.plan.ready import ready_plan
from kit.errors import SettingsError

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
    alone = [backtest(plan, real_days, **JANUARY) for plan in result.plans]
    assert sum(one.net_inr for one in alone) == pytest.approx(result.net_inr)
    assert result.capital_inr == sum(plan.capital_inr for plan in result.plans)


def test_the_band_counts_every_other_convention(result):
    """The band has the plan as it is and under each convention that changes it, and says what rests on it."""
    assert list(result.band.index) == ["as planned", *list(CONVENTIONS)[2:]]
    assert result.band.loc["as planned", "net_inr"] == pytest.approx(result.net_inr)
    assert "rest on the convention" in band_sentence(result.band)


def test_excursions_hold_the_trade(result):
    """No trade earns more than its best moment or less than its worst, as far as its own bars tell."""
    by_level = result.filled[result.filled["reason"] == "time"]
    assert (by_level["gross_inr"] <= by_level["best_inr"] + 1e-6).all()
    assert (by_level["gross_inr"] >= by_level["worst_inr"] - 1e-6).all()


def test_drawdown_has_its_dates():
    """The deepest fall runs from the peak to the trough, and says when it was made good."""
    days = pd.date_range("2024-01-01", periods=6)
    fall = drawdown(pd.Series([5.0, -2.0, -4.0, 1.0, 6.0, 0.0], days))
    assert fall == (6.0, days[0], days[2], days[4])
    assert drawdown(pd.Series([1.0, 2.0], days[:2])).peak is None
    assert drawdown(pd.Series([-1.0, -2.0], days[:2])) == (3.0, days[0], days[1], None)


def test_ratios_are_those_of_the_books():
    """Sharpe is mean over standard deviation, Sortino mean over the root mean square of losses, yearly."""
    returns = pd.Series([0.01, -0.02, 0.03, 0.0])
    assert sharpe(returns) == pytest.approx(returns.mean() / returns.std(ddof=1) * 252**0.5)
    assert sortino(returns) == pytest.approx(returns.mean() / np.sqrt((0.02**2) / 4) * 252**0.5)
    assert np.isnan(sharpe(returns[:1]))
    assert np.isnan(sortino(returns[:1]))


def test_the_page_stands_alone(result, tmp_path):
    """The page holds figures, plots, band and trades, and loads nothing from elsewhere."""
    text = result.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("<svg") == 2
    assert "short_straddle_reentry" in text
    assert "at the bar&#x27;s worst" in text or "at the bar's worst" in text
    for outside in ("<script", "<link", 'src="http'):
        assert outside not in text
    assert "<table" in result._repr_html_()


def test_a_file_that_cannot_be_written_is_named(result, tmp_path):
    """A log that cannot be written is an error with its path; the result stays."""
    with pytest.raises(SettingsError, match="still there"):
        result.to_csv(tmp_path / "none" / "log.csv")


def test_the_workbook_holds_the_log(result, tmp_path):
    """The workbook's first sheet is the trade log."""
    pytest.importorskip("openpyxl")
    sheets = pd.read_excel(result.to_excel(tmp_path / "log.xlsx"), sheet_name=None)
    assert sheets["trades"]["net_inr"].sum() == pytest.approx(result.net_inr)
