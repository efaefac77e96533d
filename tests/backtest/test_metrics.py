"""Every figure of a result against the formula of the books, written with pandas alone."""

import numpy as np
import pandas as pd
import pytest

from kit.backtest import Plan, backtest
from kit.backtest.metrics import drawdown, metrics, sharpe, sortino


def _by_pandas(daily: pd.Series, trades: pd.DataFrame, capital_inr: float) -> dict[str, float]:
    """Return the figures again; empyrical-reloaded has the same Sharpe and Sortino to the last digit."""
    returns, net, equity = daily / capital_inr, trades["net_inr"], daily.cumsum()
    below = returns.clip(upper=0.0).pow(2).mean() ** 0.5
    fall = (equity.cummax().clip(lower=0.0) - equity).max()
    yearly = returns.mean() * 252
    return {
        "net_inr": net.sum(),
        "gross_inr": trades["gross_inr"].sum(),
        "charges_inr": trades["charges_inr"].sum(),
        "trades": len(trades),
        "sessions": len(daily),
        "return_per_year": yearly,
        "sharpe": returns.mean() / returns.std() * 252**0.5,
        "sortino": returns.mean() / below * 252**0.5,
        "calmar": yearly * capital_inr / fall,
        "max_drawdown_inr": fall,
        "win_rate": net.gt(0).mean(),
        "winning_days": daily.gt(0).mean(),
        "expectancy_inr": net.mean(),
        "profit_factor": net[net.gt(0)].sum() / net[net.lt(0)].abs().sum(),
        "average_win_inr": net[net.gt(0)].mean(),
        "average_loss_inr": net[net.lt(0)].mean(),
        "turnover_inr": trades.eval("(entry_price + exit_price) * lots * lot_size").sum(),
    }


@pytest.mark.parametrize("seed", range(5))
def test_every_figure_is_that_of_the_books(seed):
    """Each figure equals its formula on random days and trades, and none is without a referee."""
    draw = np.random.default_rng(seed)
    daily = pd.Series(draw.normal(100, 2_000, 250), pd.bdate_range("2024-01-01", periods=250))
    names = ["net_inr", "gross_inr", "charges_inr"]
    trades = pd.DataFrame(draw.normal(0, 1_000, (400, 3)), columns=names)
    trades = trades.assign(entry_price=draw.uniform(1, 900, 400), exit_price=draw.uniform(1, 900, 400))
    trades = trades.assign(lots=draw.integers(1, 4, 400), lot_size=15)
    found, expected = metrics(daily, trades, 500_000.0), _by_pandas(daily, trades, 500_000.0)
    assert found.to_dict() == pytest.approx(expected, rel=1e-12)


def test_figures_without_a_meaning_are_not_numbers():
    """Without trades there is no hit rate, without a loss no Sortino ratio and no profit factor."""
    days = pd.bdate_range("2024-01-01", periods=3)
    names = ["net_inr", "gross_inr", "charges_inr", "entry_price", "exit_price", "lots", "lot_size"]
    none = pd.DataFrame(columns=names, dtype=float)
    figures = metrics(pd.Series(0.0, days), none, 1e6)
    for name in ("sharpe", "sortino", "calmar", "win_rate", "expectancy_inr", "profit_factor"):
        assert np.isnan(figures[name]), name
    assert np.isnan(sharpe(pd.Series([0.01])))
    assert np.isnan(sortino(pd.Series([0.01, 0.02])))


def test_exposure_counts_each_minute_in_which_a_leg_was_held(make_day):
    """The time in the market is that of any open leg, whether its price moves or not."""
    day = make_day({(48000, "CE"): {"09:15": 100.0}, (48000, "PE"): {"09:15": 50.0, "09:30": 80.0}})
    legs = [{"side": "sell", "right": right, "strike": {"steps": 0}} for right in ("CE", "PE")]
    legs[1]["stop"] = {"percent": 50}
    plan = Plan(entry={"at": "09:20"}, exit={"at": "10:20"}, legs=legs)
    assert backtest(plan, {day.day: day}).metrics["exposure"] == pytest.approx(60 / 375)
    alone = [plan.but(legs=[leg], name=leg["right"]) for leg in legs]
    assert backtest(alone, {day.day: day}).metrics["exposure"] == pytest.approx(60 / 375)
    assert backtest(alone[1], {day.day: day}).metrics["exposure"] == pytest.approx(11 / 375)


def test_drawdown_has_its_dates():
    """The deepest fall runs from the peak to the trough, and says when it was made good."""
    days = pd.date_range("2024-01-01", periods=6)
    fall = drawdown(pd.Series([5.0, -2.0, -4.0, 1.0, 6.0, 0.0], days))
    assert fall == (6.0, days[0], days[2], days[4])
    assert drawdown(pd.Series([1.0, 2.0], days[:2])).peak is None
    assert drawdown(pd.Series([-1.0, -2.0], days[:2])) == (3.0, days[0], days[1], None)
