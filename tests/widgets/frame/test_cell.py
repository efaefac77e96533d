"""Python that gives an idea or a view back."""

from dataclasses import dataclass, field
from datetime import date

import pandas as pd
import pytest

from kit.errors import DataError
from kit.evaluation.views import EmpiricalView, lognormal, market
from kit.strategies import ALL, OwnLegs
from kit.strategies.base import Strategy
from kit.strategies.strikes import Premium
from kit.widgets.frame.cell import imports, python


@dataclass(frozen=True)
class Mine(Strategy):
    """A strategy of the analyst's own."""

    lots: int = 1
    day: date = date(2026, 11, 24)
    pick: object = field(default=Premium(50.0))

    def legs(self, snapshot):
        """Return nothing."""


def own(snapshot):
    """Return a figure."""
    return snapshot.spot


THINGS = [
    *(kind() for kind in ALL), OwnLegs("-1 54900CE"), market, lognormal(0.15), Mine(), own,
]  # fmt: skip

MOVES = EmpiricalView(pd.Series([100.0] * 3, pd.date_range("2026-01-01", periods=3)))


@pytest.mark.parametrize("thing", THINGS, ids=python)
def test_what_is_written_gives_the_same_back(thing):
    """The imports and the expression, run in an empty cell, make an equal thing."""
    cell = {}
    exec(imports([thing]), cell)
    assert eval(python(thing), cell) == thing


@pytest.mark.parametrize("thing", [lambda chain: chain.spot, Mine(pick=lambda _: 1), object(), MOVES])
def test_what_no_text_gives_back_is_refused(thing):
    """A lambda, a field that holds one or is not told, an object without a repr."""
    with pytest.raises(DataError, match=r"cannot be written as code.*Define it"):
        python(thing)
