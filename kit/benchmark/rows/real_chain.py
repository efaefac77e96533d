"""A real chain, where the shared market data lies beside the checkout; the kit ships none of it."""

from __future__ import annotations

from kit.benchmark.measure import Samples
from kit.benchmark.registry import row
from kit.benchmark.run import Run, Unmeasured
from kit.benchmark.stamps import CHECKOUT
from kit.benchmark.targets import at_most

_FILE = "nse_option_chain_BANKNIFTY_20230503_1530.json.gz"
_FORWARD = 43_322.0  # what the chain of 3 May 2023 implies, see data/README.md beside it


@row("parity_forward", part="pricing", unit="rupees", target=at_most(8), quick=True)
def parity_forward(run: Run) -> Samples:
    """Distance of the forward that parity implies on the real chain of 3 May 2023 from 43,322."""
    from kit.chains.readers import read_chain

    file = CHECKOUT.parent / "shared" / "data" / "chain" / _FILE
    if not file.is_file():
        raise Unmeasured(f"the exchange's own file is not at {file}")
    chain = read_chain(file)[0]
    run.notes.append(f"forward {chain.forward:,.1f}, spot {chain.spot:,.1f}")
    return Samples([abs(chain.forward - _FORWARD)])
