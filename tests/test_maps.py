"""The map in a room's docstring names every file of the room, and nothing else."""

import re
from importlib import import_module
from pkgutil import iter_modules

import pytest


@pytest.mark.parametrize("room", ["kit.backtest", "kit.evaluation", "kit.pricing"])
def test_a_map_names_every_file(room: str) -> None:
    """Whoever looks for the one place to change finds it in the table, whose words are the files' names."""
    package = import_module(room)
    table = (package.__doc__ or "").split("\n===")[1:]
    named = set(re.findall(r"`(\w+)`", "".join(table)))
    assert named == {found.name for found in iter_modules(package.__path__)} - {"__main__"}
