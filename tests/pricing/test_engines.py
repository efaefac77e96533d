from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from kit.errors import SettingsError
from kit.parallel import ConcurrentProcessor, ProcessingTask
from kit.pricing.black76 import iv_and_greeks, price
from kit.pricing.compiled_engine import WORTH_A_THREAD, threads_for
from kit.pricing.engines import default_engine, thread_limit, using
from kit.pricing.warm import warm

ROOT = Path(__file__).resolve().parents[2]


def chain(size: int) -> tuple[np.ndarray, ...]:
    """Return price, forward, strike, years, discount and side of a seeded chain."""
    random = np.random.default_rng(5)
    forward = 43_000 * np.exp(random.normal(0, 0.01, size))
    strike = forward * np.exp(random.normal(0, 0.06, size))
    years = random.choice([1 / 365, 7 / 365, 30 / 365, 0.5], size)
    discount, is_call = np.exp(-0.065 * years), strike > forward
    return price(forward, strike, years, random.uniform(0.1, 0.5, size), discount, is_call), *(
        forward,
        strike,
        years,
        discount,
        is_call,
    )


def test_engines_agree() -> None:
    """The compiled loops and plain NumPy give the same numbers to a few 1e-13 of their size."""
    inputs = chain(20_000)
    answers = {}
    for name in ("compiled", "numpy"):
        with using(name):
            answers[name] = iv_and_greeks(*inputs)
    ours, theirs = answers["compiled"], answers["numpy"]
    assert np.array_equal(ours.reason, theirs.reason)
    good = ours.reason == 0
    assert good.sum() > 19_000
    scale = {
        "iv": 1.0,
        "delta": 1.0,
        "gamma": np.abs(theirs.gamma[good]).max(),
        "theta": np.abs(theirs.theta[good]).max(),
        "vega": np.abs(theirs.vega[good]).max(),
        "rho": 1.0,
    }
    for name, size in scale.items():
        gap = np.abs(getattr(ours, name)[good] - getattr(theirs, name)[good]) / size
        assert gap.max() <= 3e-13, name


def test_threads_change_nothing() -> None:
    """One thread and two give the same bits."""
    inputs = chain(3 * WORTH_A_THREAD + 77)
    with using("compiled", threads=1):
        alone = iv_and_greeks(*inputs)
    with using("compiled", threads=2):
        together = iv_and_greeks(*inputs)
    for ours, theirs in zip(alone, together, strict=True):
        assert np.array_equal(ours, theirs, equal_nan=True)


def test_small_calls_and_workers_use_one_thread() -> None:
    """A chain, a worker thread and a worker process never start threads of their own."""
    assert threads_for(2_000) == 1
    assert threads_for(WORTH_A_THREAD * 1_000, limit=3) == 3
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(threads_for, 10_000_000).result() == 1
    with multiprocessing.get_context("spawn").Pool(1) as workers:
        assert workers.apply(threads_for, (10_000_000,)) == 1
    with ConcurrentProcessor(2) as processor:
        processor.submit_task(ProcessingTask("threads", threads_for, (10_000_000,)))
        assert processor.get_result("threads", timeout=60) == 1


def test_a_stated_number_of_threads_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit that numba's own variable states is ours, and one that a caller gives goes before it."""
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    assert threads_for(10_000_000) == 1
    assert threads_for(10_000_000, limit=2) == 2
    monkeypatch.setenv("NUMBA_NUM_THREADS", "")
    assert threads_for(10_000_000) == len(os.sched_getaffinity(0))


def test_many_threads_may_call_at_once() -> None:
    """Eight callers at once each get the right numbers."""
    inputs = chain(5_000)
    expected = iv_and_greeks(*inputs)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: iv_and_greeks(*inputs), range(32)))
    assert all(np.array_equal(answer.iv, expected.iv, equal_nan=True) for answer in found)


def test_using_nests_and_ends() -> None:
    """A forced engine or thread limit holds inside its block only."""
    with using(threads=1):
        with using("numpy"):
            assert thread_limit() == 1
        assert thread_limit() == 1
    assert thread_limit() is None
    assert default_engine() == "compiled"


def test_without_numba_numpy_answers() -> None:
    """Where numba cannot be found, the same call works and says which engine it is."""
    program = (
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'numba' else real(name, *rest)\n"
        "import sys; from kit.pricing.engines import default_engine\n"
        "from kit.pricing.black76 import iv_and_greeks\n"
        "iv = float(iv_and_greeks(800, 43000, 43100, 0.05, 0.99, True).iv)\n"
        "print(default_engine(), iv, 'numba' in sys.modules)"
    )
    name, iv, loaded = _python(program).split()
    assert (name, loaded) == ("numpy", "False")
    assert float(iv) == pytest.approx(0.2232210725659, abs=1e-12)


def test_the_first_chain_does_not_wait_for_numba() -> None:
    """Neither importing the pricing modules nor the first chains load numba; work that goes on does."""
    program = (
        "import sys, numpy, kit.pricing.chain, kit.pricing.surface; from kit.pricing.black76 import price\n"
        "loaded = ['numba' in sys.modules]\n"
        "for calls in (1, 10, 100):\n"
        "    for _ in range(calls): price(numpy.ones(1_000), 1.0, 1.0, 0.2, 1.0, True)\n"
        "    loaded += ['numba' in sys.modules]\n"
        "print(*loaded)"
    )
    assert _python(program).split() == ["False", "False", "False", "True"]


def test_a_large_first_call_loads_numba() -> None:
    """A first call of more options than a chain has is worth numba at once."""
    program = (
        "import sys, numpy; from kit.pricing.black76 import price\n"
        "price(numpy.ones(5_001), 1.0, 1.0, 0.2, 1.0, True); print('numba' in sys.modules)"
    )
    assert _python(program).strip() == "True"


def test_a_folder_that_cannot_be_written_still_computes(tmp_path: Path) -> None:
    """Where neither the package nor the home folder can be written, the loops compile in memory."""
    program = (
        "from numba.core.caching import FunctionCache\n"
        "def refuse(*_): raise RuntimeError('no locator available')\n"
        "FunctionCache.__init__ = refuse\n"
        "from kit.pricing.black76 import price; from kit.pricing.engines import using\n"
        "with using('compiled'): print(float(price(100.0, 100.0, 1.0, 0.2, 1.0, True)))"
    )
    assert float(_python(program)) == pytest.approx(7.965567455405804, abs=1e-12)


def test_a_cache_that_cannot_be_saved_still_compiles(tmp_path: Path) -> None:
    """Where the disk takes no more bytes, here by the system's own limit, the loops compile in memory."""
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))\n"
        "from kit.pricing.engines import default_engine; from kit.pricing.black76 import price\n"
        "print(default_engine(), float(price(100.0, 100.0, 1.0, 0.2, 1.0, True)))"
    )
    name, value = _python(program, NUMBA_CACHE_DIR=str(tmp_path)).split()
    assert name == "compiled"
    assert float(value) == pytest.approx(7.965567455405804, abs=1e-12)


def test_a_numba_that_refuses_to_load_is_said_once() -> None:
    """Where numba is installed but fails to import, NumPy answers every call, and one warning says so."""
    program = (
        "import sys, warnings\n"
        "class Broken:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'llvmlite': raise ImportError('Numba needs NumPy 2.3 or less.')\n"
        "sys.meta_path.insert(0, Broken())\n"
        "from kit.pricing.black76 import price; from kit.pricing.engines import using\n"
        "from kit.errors import SettingsError; from kit.pricing.warm import warm\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    warnings.simplefilter('always')\n"
        "    values = {float(price(100.0, 100.0, 1.0, 0.2, 1.0, True)) for _ in range(3)}; warm()\n"
        "print(values.pop(), len(values), len(told), 'needs NumPy 2.3' in str(told[0].message))\n"
        "try:\n"
        "    with using('compiled'): pass\n"
        "except SettingsError as error: print(error)\n"
    )
    answer, refusal = _python(program).splitlines()
    assert "needs NumPy 2.3" in refusal
    assert "pip install" not in refusal
    value, *rest = answer.split()
    assert float(value) == pytest.approx(7.965567455405804, abs=1e-12)
    assert rest == ["0", "1", "True"]


def test_damaged_machine_code_is_made_anew(tmp_path: Path) -> None:
    """An empty or truncated file in the cache is replaced, and the next process loads it again."""
    program = (
        "from kit.pricing.warm import warm; from kit.pricing.black76 import price\n"
        "warm(); print(float(price(100.0, 100.0, 1.0, 0.2, 1.0, True)))"
    )
    _python(program, NUMBA_CACHE_DIR=str(tmp_path))
    for kind, kept in (("nbi", 0), ("nbc", 3_000)):
        (file,) = tmp_path.rglob(f"*.{kind}")
        whole = file.stat().st_size
        file.write_bytes(file.read_bytes()[:kept])
        answer = _python(program, NUMBA_CACHE_DIR=str(tmp_path))
        assert float(answer) == pytest.approx(7.965567455405804, abs=1e-12)
        (anew,) = tmp_path.rglob(f"*.{kind}")
        assert abs(anew.stat().st_size - whole) < 2_000


def test_engines_and_threads_that_do_not_exist_are_refused() -> None:
    """An unknown engine, and a call without a thread, raise with what will do."""
    with pytest.raises(SettingsError, match="compiled"), using("gpu"):  # type: ignore[arg-type]
        pass
    for threads in (0, -1, 1.5, float("nan"), "2"):
        with pytest.raises(SettingsError, match="threads=1"), using(threads=threads):  # type: ignore[arg-type]
            pass


def test_warming_up_leaves_nothing_to_compile() -> None:
    """After warming up, a call takes no compilation."""
    assert warm() >= 0
    assert warm() < 1.0
    assert iv_and_greeks(800.0, 43_000.0, 43_100.0, 0.05, 0.99, True).reason == 0


def test_the_command_warms_up() -> None:
    """The module runs as a command and names its engine."""
    assert _python("import runpy; runpy.run_module('kit.pricing')").startswith("The compiled pricing engine")


def _python(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
