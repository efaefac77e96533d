"""A referee of the backtest: written from the meaning of the rules alone, one minute after the other.

It shares no line with the engines of the kit and reads the vendor files by itself. Slow on purpose.
"""

from . import bars
from .days import play

__all__ = ["bars", "play"]
