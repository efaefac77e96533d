"""Scores: payoff, charges, metrics and the ranked table of many strategies."""
