"""Numbers: Black-76 prices, implied volatility and Greeks, forwards, the surface and chain analytics.

==============  =========================================================================================
One option      `black76`, by one of the `engines`: `numpy_engine` with its `solver`, or `compiled_engine`
                with `kernels` and `elementary`, whose `machine_code` is kept by `machine_cache`
One expiry      `forward` within its `parity_bounds`; `quality` and `reasons` of each volatility
A chain         `chain` computes all of these at once; `analytics` reads its open interest
Smiles          `smile`, fitted by `smile_fit`; `term` fits several expiries, `snapshot_smile` those of a
                chain; the `density` of one, the `surface` of many
Figures         `measures`, `term_structure`, `realised`, `standing`
Beside them     `arrays`, the types of all; `warm`, which compiles once
==============  =========================================================================================

Names load on first use: a payoff needs neither the surface nor the chain.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kit.pricing.analytics import snapshot_analytics
    from kit.pricing.black76 import greeks, implied_volatility, iv_and_greeks, price
    from kit.pricing.chain import analyse
    from kit.pricing.engines import using
    from kit.pricing.forward import implied_forward
    from kit.pricing.surface import fit_surface

_HOMES = {
    "analyse": "kit.pricing.chain",
    "fit_surface": "kit.pricing.surface",
    "greeks": "kit.pricing.black76",
    "implied_forward": "kit.pricing.forward",
    "implied_volatility": "kit.pricing.black76",
    "iv_and_greeks": "kit.pricing.black76",
    "price": "kit.pricing.black76",
    "snapshot_analytics": "kit.pricing.analytics",
    "using": "kit.pricing.engines",
}

__all__ = [
    "analyse",
    "fit_surface",
    "greeks",
    "implied_forward",
    "implied_volatility",
    "iv_and_greeks",
    "price",
    "snapshot_analytics",
    "using",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kit.pricing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
