"""Random numbers that depend on their keys alone: the same in every process and in any order.

Sources: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014
(the mixing function); J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def generator(*keys: int) -> np.random.Generator:
    """Return a generator whose stream is fixed by non-negative integer keys; for long runs of draws."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(keys)))


def uniforms(*keys: ArrayLike) -> Floats:
    """Return one number per combination of keys; for one draw each about many things.

    Parameters
    ----------
    *keys : array_like of int
        Broadcast against each other.

    Returns
    -------
    ndarray
        Uniform in the open interval (0, 1), in the broadcast shape.
    """
    state = np.zeros((1,), np.uint64)
    for key in keys:
        state = _mixed(state + np.asarray(key).astype(np.uint64))
    shape = np.broadcast_shapes(*(np.shape(key) for key in keys))
    return (((state >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52).reshape(shape)


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = state + _STEP
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))
