"""Bytes: rate limits, sockets and the SQLite session. Knows no broker."""
