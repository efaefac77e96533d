"""Orders at the simulated exchange: checks, matching, positions, margin, rules and the broker's rows."""
