"""Would it have earned? Plans over days of option minutes, by the market's own rules.

===============  ========================================================================================
What is traded   `plan`; `encode` writes its rules as records
On which days    `days`, `holdings` and `signals`, checked by `given`
On which prices  `strikes` and `strategy_strikes` choose contracts, `tape` lays out their bars
By which rules   `walk`, `rules`, `fills`, `quiet` and `settlement`, on the `records` of a position
By which engine  `engines` chooses `plain`, which asks Python rules with a `moment`, or `compiled`
One plan         `engine` makes the `log` and the `result` with `metrics`, `band` and `report`
Many sets        `sweep` plays the `sets` of a grid (`grid_words`), `tally` sums them; `sweep_result`,
                 `overfit`, `kept`; pure stops need only their first `passage`
===============  ========================================================================================
"""

from kit.backtest.engine import backtest
from kit.backtest.plan.plan import Plan, PlanLeg
from kit.backtest.result import BacktestResult

__all__ = ["BacktestResult", "Plan", "PlanLeg", "backtest"]
