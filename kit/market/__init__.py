"""Tables of the market: instruments, chains, candles, stored history and files of the exchange."""
