"""Panels for JupyterLab: each has `controls`, a pure `compute` and a `draw`."""
