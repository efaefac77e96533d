"""Measured rows against peers, the score over them, and the tuner."""
