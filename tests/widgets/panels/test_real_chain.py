"""The panels on a chain of the exchange, with its gaps."""

import json

from kit.chains.readers import read_chain
from kit.strategies import ALL
from kit.widgets.panels.chain import COLUMNS, ChainPanel
from kit.widgets.panels.payoff import PayoffPanel

FILE = "chain/nse_option_chain_BANKNIFTY_20230503_1530.json.gz"


def test_the_panels_draw_a_real_chain(shared_data):
    """Missing quotes and volatilities of a real chain are dashes and gaps, and every strategy draws."""
    chains = read_chain(shared_data / FILE)
    chain = chains[0]
    table, payoff = ChainPanel(chains), PayoffPanel(chain)
    for columns in COLUMNS:
        table.inputs["columns"].value = columns
        assert table.errors.value == ""
        assert json.loads(json.dumps(table.table.rows, allow_nan=False))
    for kind in ALL:
        payoff.inputs["kind"].value = kind.__name__
        assert payoff.errors.value == ""
