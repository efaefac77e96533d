"""Trading without a broker: a paper account with the broker's methods and the backtest's fills."""

from kit.trading.account import PaperAccount

__all__ = ["PaperAccount"]
