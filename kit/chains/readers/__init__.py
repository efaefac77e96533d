"""Files of the exchange, read into chains: option-chain JSON, the web page's CSV, both bhavcopies."""

from kit.chains.readers.door import read_chain

__all__ = ["read_chain"]
