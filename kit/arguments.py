"""What callers hand in, looked at where it enters: text, finite numbers, paths, parts of the kit."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache, wraps
from inspect import Signature, signature
from numbers import Integral, Rational, Real
from pathlib import Path
from sys import modules
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

from kit.errors import DataError, KitError, SettingsError

T = TypeVar("T")
P = ParamSpec("P")
# What fits an annotation and is not meant: a text for what it holds, a class for what it makes.
_UNFIT: dict[Any, Any] = {Sequence: str | bytes, Iterable: str | bytes, Callable: type}
_LONGEST_PATH = 4096  # characters; no system takes a longer one


def text(value: Any, what: str, kind: type[KitError] = DataError) -> str:
    """Return a text that can be written.

    Parameters
    ----------
    value : object
        What was handed in.
    what : str
        What is wrong if it is none, for instance ``"No instrument has this name"``.
    kind : type, default DataError
        Class of the error.

    Raises
    ------
    KitError
        It is no text, or holds what no text does: control characters, half a character.
    """
    if not isinstance(value, str) or not value.isprintable() or len(value) > _LONGEST_PATH:
        raise kind(what, value, "Write it as text.")
    return value


def number(value: Any, what: str, *, above: float = -math.inf, most: float = math.inf) -> float:
    """Return a finite number.

    Parameters
    ----------
    value : object
        What was handed in; truth values and texts are no numbers.
    what : str
        What is wrong if it is none.
    above, most : float, optional
        It must be greater than the one and not greater than the other.

    Raises
    ------
    DataError
        It is none, or out of range.
    """
    found = real(value)
    if not math.isfinite(found) or not above < found <= most:
        bound = "" if above == -math.inf else f" above {above:g}"
        raise DataError(what, value, f"Give a finite number{bound}.")
    return found


def real(value: Any) -> float:
    """Return a number as a float, infinity where a float cannot hold it; NaN: it is no number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def path(value: Any, what: str) -> Path:
    """Return a path that the system could have.

    Raises
    ------
    DataError
        It is none, or holds a character that no path has.
    """
    found = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if isinstance(found, str) and found.isprintable() and found.strip() and len(found) <= _LONGEST_PATH:
        return Path(found)
    raise DataError(what, value, "Give the path of a file or folder.")


def instance(value: Any, kind: type[T], name: str) -> T:
    """Return what an argument must be an instance of.

    Raises
    ------
    SettingsError
        It is something else.
    """
    if not isinstance(value, kind):
        raise SettingsError(f"{name} must be {kind.__name__}, not", type(value).__name__, "Pass one.")
    return value


def like(value: T, name: str, *methods: str) -> T:
    """Return a part that has these methods; what else it is does not matter.

    Raises
    ------
    SettingsError
        It lacks one.
    """
    for method in methods:
        if not callable(getattr(value, method, None)):
            remedy = f"Pass an object that has {method}()."
            raise SettingsError(f"{name} cannot be", type(value).__name__, remedy)
    return value


def choice(value: Any, among: Iterable[str], what: str, kind: type[KitError] = SettingsError) -> str:
    """Return a word that is one of a few.

    Raises
    ------
    KitError
        It is none of them; lists them. `kind` is its class.
    """
    words = tuple(among)
    if not isinstance(value, str) or value not in words:
        raise kind(what, value, f"Use {', '.join(words)}.")
    return value


def checked(function: Callable[P, T]) -> Callable[P, T]:
    """Refuse arguments that are not what a function's annotations say, before it runs.

    Checked are plain classes, literals, sequences with what they hold, and unions of these; any other
    annotation lets everything through. An integer stands for a float, a truth value for no number, and a
    number may be NaN: what it has to be beyond a number, the function says itself.

    Raises
    ------
    DataError
        An argument does not fit; names it, and what belongs there.
    SettingsError
        It is not one of a few words.
    """
    form: list[Signature] = []

    @wraps(function)
    def door(*args: P.args, **kwargs: P.kwargs) -> T:
        if not form:  # at the first call, when every module is there
            form.append(_form(function))
        try:
            given = form[0].bind(*args, **kwargs).arguments
        except TypeError:
            return function(*args, **kwargs)  # a missing or unknown name: Python says it best
        for name, value in given.items():
            hint = form[0].parameters[name].annotation
            if not _fits(value, hint):
                what = f"{function.__name__}() cannot take {type(value).__name__} for {name}"
                kind = SettingsError if get_origin(hint) is Literal else DataError
                raise kind(what, value, f"Pass {_words(hint)}.")
        return function(*args, **kwargs)

    return door


def fields_checked(one: Any) -> None:
    """Refuse fields of a dataclass that are not what its annotations say; a default is what its author chose.

    Raises
    ------
    SettingsError
        A field does not fit; names it, and what belongs there.
    """
    kind: type = type(one)
    for name, (default, hint) in _hints(kind).items():
        value = getattr(one, name)
        if value is not default and not _fits(value, hint):
            what = f"{kind.__name__} cannot take {type(value).__name__} for {name}"
            raise SettingsError(what, value, f"Pass {_words(hint)}.")


@lru_cache(1024)
def _hints(kind: type) -> dict[str, tuple[Any, Any]]:
    """Return default and annotation of a dataclass's fields, evaluated where each stands."""
    names = {
        name: vars(modules[base.__module__])
        for base in reversed(kind.__mro__)
        if base.__module__ in modules
        for name in vars(base).get("__annotations__", ())
    }
    return {one.name: (one.default, _hint(one.type, names[one.name])) for one in fields(kind)}


def _form(function: Callable[..., Any]) -> Signature:
    """Return a signature with its annotations evaluated, where they can be at run time."""
    bare, names = signature(function), getattr(function, "__globals__", {})
    return bare.replace(
        parameters=[one.replace(annotation=_hint(one.annotation, names)) for one in bare.parameters.values()]
    )


def _hint(annotation: Any, names: dict[str, Any]) -> Any:
    if annotation is Signature.empty:
        return Any
    try:
        return eval(annotation, names) if isinstance(annotation, str) else annotation  # noqa: S307 - our own text
    except (NameError, TypeError):  # imported for the type checker alone, or generic for it alone
        return Any


def _fits(value: Any, hint: Any) -> bool:
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if kind is Literal:
        return isinstance(value, str | int) and value in parts
    if hint in (float, int):
        fits = isinstance(value, Real if hint is float else Integral)
        beyond = hint is float and isinstance(value, Rational) and math.isinf(real(value))  # of every float
        return fits and not beyond and not isinstance(value, bool)
    kind = NoneType if hint is None else kind or hint
    if kind is Any or not isinstance(kind, type) or getattr(kind, "_is_protocol", False):
        return True
    whole = isinstance(value, kind) and not isinstance(value, _UNFIT.get(kind, ()))
    if not whole or kind not in (Sequence, Mapping):
        return whole
    items = value.values() if kind is Mapping else value
    if isinstance(parts[-1], type):  # whether one fits is then a matter of its type
        items = {type(one): one for one in items}.values()
    return all(_fits(one, parts[-1]) for one in items)


def _words(hint: Any) -> str:
    """Return what an annotation asks for, as a sentence has it."""
    kind, parts = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        return " or ".join(dict.fromkeys(_words(part) for part in parts))
    if kind is Literal:
        return ", ".join(map(str, parts))
    if kind is Callable:
        return "a function, or an object that is called like one"
    if kind is Sequence:
        return f"a sequence of {getattr(parts[0], '__name__', parts[0])}"
    return {float: "a number", int: "a whole number", str: "a text", None: "None"}.get(
        hint, getattr(hint, "__name__", str(hint))
    )
