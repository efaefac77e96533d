"""Who may import whom."""

import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent


def test_import_contracts_hold():
    """Every import contract of pyproject.toml is kept."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(
        [*command, "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_no_module_imports_itself_in_a_circle():
    """Modules can be put in an order in which each imports earlier ones alone; annotations do not count."""
    graph = grimp.build_graph("kit", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 400
    TopologicalSorter(imports).prepare()  # raises a CycleError that names the circle


WITHOUT_THE_NETWORK = """
import sys
from datetime import datetime
for absent in ("requests", "requests_cache", "starlette", "uvicorn", "numba"):
    sys.modules[absent] = None
import numpy as np
import kit.chains, kit.bars, kit.pricing, kit.strategies, kit.evaluation
import kit.bars.store, kit.chains.readers, kit.evaluation.manager
from kit.chains.contracts import Contracts
from kit.chains.snapshot import snapshot
from kit.clock import IST
from kit.evaluation.metrics import score
from kit.strategies import ShortStraddle

strikes, calls = np.repeat([54_900.0, 55_000.0, 55_100.0], 2), np.tile([True, False], 3)
prices = np.array([600.0, 480.0, 545.0, 525.0, 495.0, 575.0])
none = np.full(6, np.nan)
numbers = {"ltp": prices, "bid": prices - 1, "ask": prices + 1, "ltp_change": none,
           "volume": none, "oi": none, "oi_change": none}
chain = snapshot(
    Contracts(strikes, calls, numbers, [""] * 6, [""] * 6), underlying="BANKNIFTY",
    expiry=datetime(2026, 11, 30).date(), taken_at=datetime(2026, 11, 20, 12, tzinfo=IST),
    spot=55_000.0, lot_size=30, source="file",
)
assert 0 < chain.frame["iv"].min() < chain.frame["iv"].max() < 1
print(score(ShortStraddle().legs(chain), chain))
"""


def test_research_runs_without_the_network():
    """Chains, bars, pricing, strategies and evaluation work where no network package and no numba is."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_NETWORK], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
