"""Toy rows in the place of the real ones."""

from types import SimpleNamespace

import pytest

from kit.benchmark import registry
from kit.benchmark.measure import Figures
from kit.benchmark.registry import Row
from kit.benchmark.targets import at_most


@pytest.fixture
def toys(monkeypatch, tmp_path):
    """Replace the rows by toys and the cache folder by an empty one; return how to add a toy."""
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "_REGISTER", {})
    monkeypatch.setattr(registry, "_rows", SimpleNamespace(__path__=[], __name__="no.rows"))

    def add(name, measure=lambda _: Figures([1.0, 1.0, 1.0]), **features):
        features = {"part": "cache", "unit": "us", "target": at_most(2), "quick": True, **features}
        registry._REGISTER[name] = Row(name=name, measure=measure, **features)

    return add
