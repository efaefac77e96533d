"""A position on one index has nothing to do with the chain of another, wherever the two come together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from kit.errors import DataError
from kit.evaluation import attribution, through_time
from kit.evaluation.margin import margin
from kit.evaluation.metrics import score
from kit.evaluation.outlook import entered, standing
from kit.evaluation.touch import probability_of_profit_by
from kit.model import Position

DOORS = {
    "score": score,
    "margin": margin,
    "entered": entered,
    "standing": standing,
    "priced": lambda legs, chain: chain.priced(legs),
    "profit": lambda legs, chain: through_time.profit_before_expiry(legs, chain, chain.spot),
    "greeks": lambda legs, chain: through_time.greeks_before_expiry(legs, chain, chain.spot),
    "grid": lambda legs, chain: through_time.profit_grid(legs, chain, [chain.spot], [0.0], [1.0]),
    "breakevens": lambda legs, chain: through_time.breakevens_before_expiry(legs, chain, 1.0),
    "breakevens then": lambda legs, chain: through_time.breakevens_before_expiry(legs, chain, 400.0),
    "chance": lambda legs, chain: probability_of_profit_by(legs, chain, 1.0),
    "attribution": lambda legs, chain: attribution.attribute(legs, chain, chain),
    "by leg": lambda legs, chain: attribution.attribution_by_leg(legs, chain, chain),
    "scenario": lambda legs, chain: attribution.attribute_scenario(legs, chain, chain.spot),
}


@pytest.mark.parametrize("door", sorted(DOORS))
@pytest.mark.parametrize("legs", ["-1 {}CE", "+1 FUT", "+1 INDEX", "-1 {}CE +1 INDEX"])
def test_a_position_of_another_underlying_is_refused(make_chain, door, legs):
    """A strike that both have, a future or the index is priced on no chain of another underlying."""
    chain = make_chain()
    text = legs.format(f"{float(chain.table['strike'].iloc[len(chain.table) // 2]):g}")
    DOORS[door](chain.priced(Position.parse(text)), chain)  # its own is taken
    strange = Position.parse(text, "NIFTY")
    with pytest.raises(DataError, match=f"chain of {chain.underlying} there is no: 'NIFTY"):
        DOORS[door](strange, chain)


@pytest.mark.parametrize("door", sorted(DOORS))
def test_lots_of_different_sizes_are_refused(make_chain, door):
    """Where the exchange changed the lot between two expiries, no position spans them."""
    near, far = make_chain(), replace(make_chain(days=42.0), expiry=date(2026, 12, 29))
    position = Position.parse(f"-1 55000CE {near.expiry} +1 55000CE {far.expiry}")
    DOORS[door](near.beside(far).priced(position), near.beside(far))  # of one size it is taken
    other = near.beside(replace(far, lot_size=near.lot_size + 5))
    with pytest.raises(DataError, match=f"differ: '{near.lot_size} and {near.lot_size + 5} units'"):
        DOORS[door](position, other)
