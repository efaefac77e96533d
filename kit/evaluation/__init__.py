"""Scores: what a position can earn and lose, what it costs, and the ranked tables of many.

=================  ======================================================================================
One position       `metrics` makes it `scored` on stated `terms`: its `payoff` and its `chances` under the
                   `distribution` of one of the `views` (one takes an index's `history`), `costs` and the
                   tax of `exercise`, `liquidity` and `verdict`; `leg_figures` keeps what each leg adds
Several expiries   `several_expiries`, on the day of the first of them
Margin             `margin` by the `margin_rules` of the day, `risk_arrays` and `index_sigma`; `margin_sums`
                   gives the same total faster
On another day     `through_time` with `moved_smile`, `touch`, `attribution`; for a screen `outlook`, `curve`
Many strategies    `manager`: `request`, `batches`, `worker`, `results`
Every position     `scan`
=================  ======================================================================================
"""
