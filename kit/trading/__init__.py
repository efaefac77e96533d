"""Trading without a broker: a paper account with the broker's methods and the backtest's fills."""

from kit.trading.account import PaperAccount
from kit.trading.forming import minutes_of

__all__ = ["PaperAccount", "minutes_of"]
