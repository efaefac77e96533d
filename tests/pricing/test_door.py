from __future__ import annotations

import subprocess
import sys

import pytest

import kit.pricing


def test_the_door_gives_the_main_functions() -> None:
    """Every name of the room is there, from the module that defines it, and no other."""
    for name in kit.pricing.__all__:
        assert getattr(kit.pricing, name).__module__.startswith("kit.pricing.")
    assert dir(kit.pricing) == sorted(kit.pricing.__all__)
    with pytest.raises(AttributeError, match="implied_vol"):
        _ = kit.pricing.implied_vol


def test_the_door_is_light() -> None:
    """Opening the room loads neither NumPy nor numba before a name is asked for."""
    program = (
        "import sys, kit.pricing; before = 'numpy' in sys.modules; from kit.pricing import iv_and_greeks;"
        "print(before, 'numpy' in sys.modules, 'numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False"]
