"""Bars without the network: candles, the sessions they should cover, and the store that keeps them."""
