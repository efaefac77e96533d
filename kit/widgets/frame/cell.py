"""Python that gives what a panel shows: ideas and views as they are written, and the imports they need."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from inspect import isfunction
from typing import Any

import kit.strategies
from kit.errors import DataError

_PLAIN = {"nan": "from math import nan", "inf": "from math import inf", "datetime": "import datetime"}


def python(thing: Any) -> str:
    """Return the expression that gives a strategy or a view: its repr, of a function its name.

    Raises
    ------
    DataError
        It is a lambda, or holds what no repr can give back.
    """
    text: str = thing.__qualname__ if isfunction(thing) else repr(thing)
    if _names(text) - _homes(thing).keys():
        remedy = "Define it as a function or a dataclass of its own, outside of other functions."
        raise DataError("This cannot be written as code", text[:80], remedy)
    return text


def imports(things: Iterable[Any]) -> str:
    """Return the lines that import what `python` of these needs; what a notebook defines needs none."""
    needed = {_homes(thing)[name] for thing in things for name in _names(python(thing))}
    return "".join(f"{line}\n" for line in sorted(needed) if line)


def _names(text: str) -> set[str]:
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return {text}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _homes(thing: Any) -> dict[str, str]:
    """Return the import line by name of a thing and of its fields; of one whose repr hides a field none."""
    kind = thing if isfunction(thing) else type(thing)
    parts = fields(thing) if is_dataclass(thing) else ()
    found = dict(_PLAIN)
    if kind.__name__.isidentifier() and all(one.repr or not one.init for one in parts):
        found[kind.__name__] = _line(kind)
    for one in parts:
        found |= _homes(getattr(thing, one.name))
    return found


def _line(kind: Any) -> str:
    name, public = kind.__name__, kit.strategies
    home = public.__name__ if getattr(public, name, None) is kind else kind.__module__
    return "" if home == "__main__" else f"from {home} import {name}"
