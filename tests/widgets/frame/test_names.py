"""Names of panels beside those of the widgets they are made of."""

import inspect

import pytest

from kit.widgets.frame.context import Context
from kit.widgets.frame.fields import NumberField
from kit.widgets.frame.grid import Grid
from kit.widgets.frame.header import Header, Toolbar
from kit.widgets.frame.live import LiveFigure
from kit.widgets.frame.panel import ErrorBox
from kit.widgets.frame.runner import Runner
from kit.widgets.panels.backtest.panel import BacktestPanel
from kit.widgets.panels.bench import BenchPanel
from kit.widgets.panels.chain import ChainPanel
from kit.widgets.panels.evaluate import EvaluationPanel
from kit.widgets.panels.payoff import PayoffPanel
from kit.widgets.panels.position.builder import PositionBuilder
from kit.widgets.panels.position.panel import PositionPanel
from kit.widgets.panels.scan.panel import ScanPanel
from kit.widgets.panels.tune.panel import TunePanel

WIDGETS = [
    BacktestPanel, BenchPanel, ChainPanel, Context, ErrorBox, EvaluationPanel, Grid, Header, LiveFigure,
    NumberField,
    PayoffPanel, PositionBuilder, PositionPanel, Runner, ScanPanel, Toolbar, TunePanel,
]  # fmt: skip


@pytest.mark.parametrize("widget", WIDGETS)
def test_no_method_hides_one_of_the_library(widget):
    """A method named like one of ipywidgets' own would break the widget where nobody looks, in the page."""
    ours = [one for one in widget.__mro__ if one.__module__.startswith("kit.")]
    theirs = [one for one in widget.__mro__ if not one.__module__.startswith("kit.") and one is not object]
    made = {name for one in ours for name, found in vars(one).items() if inspect.isfunction(found)}
    hidden = {name for name in made for one in theirs if name in vars(one)} - {"__init__"}
    assert hidden == set()
