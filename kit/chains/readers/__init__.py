"""Files of the exchange, read into chains: option-chain JSON, the web page's CSV, both bhavcopies."""

from kit.chains.readers.detect import living, read_chain

__all__ = ["living", "read_chain"]
