"""One file per panel: `controls`, a pure `compute`, `draw`."""
