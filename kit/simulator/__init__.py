"""The other side of the wire: a seeded market behind the broker's protocol, on 127.0.0.1 only.

It shares no code with the client it serves: it imports nouns alone and prices with its own Black-76.
"""
