"""The backtest panel: a plan as form and as text, its data, its runs, its pictures."""
