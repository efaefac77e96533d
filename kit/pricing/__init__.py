"""Numbers: Black-76 prices, implied volatility and Greeks, forwards, the surface and chain analytics."""
