"""Subscriptions as the broker writes them, and how they share the connections."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from kit.broker.stream.frames import MODES
from kit.errors import DataError, RateLimited
from kit.facts import table

SUBSCRIBE, UNSUBSCRIBE = 1, 0
_TOKENS_A_REQUEST = 500  # a request stays below 10 kB


def most(limit: str) -> int:
    """Return a limit of the stream: the newest row of ``data/stream_limits.csv``."""
    rows = [row for row in table("stream_limits") if row["limit"] == limit]
    return int(max(rows, key=lambda row: row["from"])["most"])


def requests_for(action: int, keys: Iterable[bytes]) -> Iterator[str]:
    """Yield requests in JSON that subscribe or unsubscribe, one mode each, in a fixed order."""
    by_mode: dict[int, list[bytes]] = defaultdict(list)
    for key in sorted(keys):
        by_mode[key[0]].append(key)
    for mode, alike in by_mode.items():
        for start in range(0, len(alike), _TOKENS_A_REQUEST):
            tokens: dict[int, list[str]] = defaultdict(list)
            for key in alike[start : start + _TOKENS_A_REQUEST]:
                tokens[key[1]].append(key[2:].rstrip(b"\0").decode("ascii"))
            groups = [{"exchangeType": exchange, "tokens": some} for exchange, some in tokens.items()]
            params = {"mode": mode, "tokenList": groups}
            yield json.dumps({"correlationID": secrets.token_hex(5), "action": action, "params": params})


def shared_out(wanted: Iterable[bytes], carried: Sequence[Iterable[bytes]]) -> list[frozenset[bytes]]:
    """Share subscriptions out among connections: each stays where it is, a new one goes where there is room.

    Parameters
    ----------
    wanted : iterable of bytes
        All subscriptions.
    carried : sequence of iterable of bytes
        What each connection carries now.

    Returns
    -------
    list of frozenset of bytes
        What each is to carry; as many as needed, up to the broker's connections.

    Raises
    ------
    RateLimited
        They are more than the broker allows.
    DataError
        Depth is asked of an exchange that has none.
    """
    left = set(wanted)
    _check_depth(left)
    shares = [left.intersection(keys) for keys in carried]
    for share in shares:
        left -= share
    room, connections = most("tokens"), most("connections")
    if len(left) + sum(map(len, shares)) > room * connections:
        remedy = f"Follow at most {room * connections:,}: {room:,} on each of {connections} connections."
        raise RateLimited("The stream carries no more subscriptions", f"{len(set(wanted)):,}", remedy)
    fresh = sorted(left)
    for number in range(connections):
        if not fresh:
            break
        if number == len(shares):
            shares.append(set())
        free = room - len(shares[number])
        shares[number].update(fresh[:free])
        del fresh[:free]
    return [frozenset(share) for share in shares]


def _check_depth(wanted: set[bytes]) -> None:
    deep = [key for key in wanted if key[0] == MODES["DEPTH"]]
    if any(key[1] != 1 for key in deep):
        remedy = "Follow shares of the NSE in it, and contracts in SNAPQUOTE, which has five levels."
        raise DataError("DEPTH has twenty levels for shares of the NSE only", "another exchange", remedy)
    if len(deep) > most("depth"):
        remedy = f"Follow at most {most('depth')} in it."
        raise RateLimited("The stream carries no more subscriptions in DEPTH", len(deep), remedy)
