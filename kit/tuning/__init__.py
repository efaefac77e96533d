"""Lifetimes, pool and workers that suit the machine and its user, advised from measurements."""
