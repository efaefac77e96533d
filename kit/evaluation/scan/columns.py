"""The figures of a scan, those of a score that are numbers and the margin, and where its arrays keep what."""

from __future__ import annotations

FIGURES = (
    "premium_inr", "premium_mid_inr", "spread_inr", "max_profit_inr", "max_loss_inr", "breakeven_low",
    "breakeven_high", "probability_of_profit", "edge_inr", "fit_error_inr", "expected_profit_inr",
    "charges_inr", "cost_inr", "risk_inr", "reward_inr", "cost_on_risk", "return_on_risk", "reward_to_risk",
    "delta_inr", "gamma_inr", "theta_inr", "vega_inr", "rho_inr", "spread_pct", "size_lots", "traded_lots",
    "iv_quality", "tradable", "sound", "margin_inr", "return_on_margin", "loss_to_risk",
)  # fmt: skip
PLACES = {name: place for place, name in enumerate(FIGURES)}
(
    PREMIUM_AT, PREMIUM_MID_AT, SPREAD_AT, MAX_PROFIT_AT, MAX_LOSS_AT, BREAKEVEN_LOW_AT, BREAKEVEN_HIGH_AT,
    PROBABILITY_OF_PROFIT_AT, EDGE_AT, FIT_ERROR_AT, EXPECTED_PROFIT_AT, CHARGES_AT, COST_AT, RISK_AT,
    REWARD_AT, COST_ON_RISK_AT, RETURN_ON_RISK_AT, REWARD_TO_RISK_AT, DELTA_AT, GAMMA_AT, THETA_AT, VEGA_AT,
    RHO_AT, SPREAD_PCT_AT, SIZE_LOTS_AT, TRADED_LOTS_AT, IV_QUALITY_AT, TRADABLE_AT, SOUND_AT, MARGIN_AT,
    RETURN_ON_MARGIN_AT, LOSS_TO_RISK_AT,
) = range(len(FIGURES))  # fmt: skip
LEAST_FIRST = frozenset(
    {"cost_inr", "cost_on_risk", "charges_inr", "risk_inr", "max_loss_inr", "margin_inr", "spread_inr",
     "loss_to_risk", "spread_pct", "fit_error_inr"}
)  # fmt: skip

# Columns of a contract's row in `kit.evaluation.scan.ladder.Ladder.contracts`; then its sixteen losses.
(
    STRIKE, IS_PUT, IS_OPTION, MID, BUY, SELL, MEAN, TAXED, MISSED, DELTA, GAMMA, THETA, VEGA, RHO, SPREAD,
    OFFERED, BID_FOR, TRADED, QUALITY, NO_OFFER, NO_BID, FIXED_FEE, BUY_FEE, SELL_FEE, DOUBTFUL, HELD_BLOCKS,
    SOLD_BLOCKS, SOLD_LEAST, LOSSES,
) = range(29)  # fmt: skip
CONTRACT_COLUMNS = LOSSES + 16

UNKNOWN, SMILE, SAMPLE = 0.0, 1.0, 2.0  # kinds of distribution
# Places of `Ladder.terms`
(
    LOT, DISCOUNT, AT_TOUCH, CROSSED, EXERCISE_FEE, DOUBT, LOW, HIGH, VIEW, FORWARD, SVI_A, SVI_B, SVI_RHO,
    SVI_M, SVI_SIGMA,
) = range(15)  # fmt: skip
TERMS = 15
