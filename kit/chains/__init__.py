"""Chains without the network: quotes and files of the exchange to a `ChainSnapshot`."""
