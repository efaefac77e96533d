"""The kit's workers behind joblib's own interface."""

from __future__ import annotations

import os

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config

import kit.parallel.backend  # noqa: F401  registers "kit"
from kit.errors import TaskCrashed


def test_plain_joblib_code_runs_on_the_workers():
    """Parallel with the backend "kit" returns values in order, from other processes."""
    with parallel_config(backend="kit", n_jobs=2), Parallel() as parallel:
        values = parallel(delayed(lambda n: (n * n, os.getpid()))(n) for n in range(40))
        total = parallel(delayed(np.sum)(np.full(10_000, n)) for n in range(3))
    assert [value for value, _ in values] == [n * n for n in range(40)]
    assert os.getpid() not in {pid for _, pid in values}
    assert total == [0, 10_000, 20_000]


def test_joblib_hears_of_exceptions_and_crashes():
    """An exception in a call is raised by Parallel, and a dying worker is a TaskCrashed."""
    with parallel_config(backend="kit", n_jobs=2):
        with pytest.raises(ZeroDivisionError):
            Parallel()(delayed(lambda n: 1 // n)(n) for n in range(3))
        with pytest.raises(TaskCrashed):
            Parallel()(delayed(os._exit)(2) for _ in range(2))
        assert Parallel()(delayed(abs)(n) for n in (-1, 2)) == [1, 2]
