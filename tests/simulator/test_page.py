"""The page about the simulated exchange tells what it does."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

from kit.simulator import admin, faults

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


def blocks():
    """Return the Python blocks of the page."""
    return re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_example_of_a_child_process_runs(capsys):
    """The first block starts an exchange and prints its address and time."""
    exec(blocks()[0], {})
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")


def test_example_with_the_official_client_runs(exchange, official, capsys):
    """The second block logs the official client in and prints a full quote."""
    official(exchange)  # neutralised, and its log file closed
    names = {"greeting": json.loads(exchange.greeting())}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(blocks()[1], names)
    assert "referenceLimitPrice" in capsys.readouterr().out


def test_every_fault_is_on_the_page():
    """Each fault that exists stands in the table, and none that does not."""
    table = PAGE.split("| fault |")[1].split("\n\n")[0]
    named = re.findall(r"`([a-z0-9-]+)`", table)
    assert set(faults.NAMES) == set(named)
    of_frames = PAGE.split("| fault of a frame |")[1].split("\n\n")[0]
    assert set(faults.FRAME_NAMES) == set(re.findall(r"`([a-z0-9-]+)`", of_frames))
    documented = re.findall(r"^``([a-z0-9-]+)``", faults.__doc__, re.MULTILINE)
    assert set(documented) == {*faults.NAMES, *faults.FRAME_NAMES}


def test_every_order_is_on_the_page():
    """Each route that no broker has stands on the page."""
    for method, path in admin.ADMIN:
        assert f"{method} {path}" in PAGE
