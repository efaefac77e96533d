"""The grid of a sweep as words: ``legs.*.stop.percent=10:60:5; entry.at=09:20,09:45``."""

from __future__ import annotations

from typing import Any

import numpy as np
import yaml

from kit.errors import SettingsError

MOST = 100_000  # values of one parameter


def parameter_values(words: str) -> tuple[str, list[Any]]:
    """Read ``path=a,b,c`` or ``path=from:to:step``.

    Raises
    ------
    SettingsError
        There is no path, or no value, or a range that does not go up.
    """
    path, mark, text = (part.strip() for part in words.partition("="))
    ends = text.split(":")
    if len(ends) == 3 and all(part.strip().lstrip("-").replace(".", "", 1).isdigit() for part in ends):
        first, last, step = (float(part) for part in ends)
        if not (step > 0 and first <= last < first + MOST * step):
            raise SettingsError(
                f"A range goes up in steps above 0, at most {MOST:,}", text, "Write from:to:step, 10:60:5."
            )
        return path, [round(float(value), 9) for value in np.arange(first, last + step / 2, step)]
    if not mark or not path or not text:
        raise SettingsError("Not a parameter with values", words, "Write 'legs.*.stop.percent=10,20,30'.")
    return path, [part.strip() if ":" in part else yaml.safe_load(part) for part in text.split(",")]


def grid_of(text: str) -> dict[str, list[Any]]:
    """Read several parameters, with semicolons between.

    Raises
    ------
    SettingsError
        There is none, or one is not a path with values.
    """
    parts = [part for part in text.split(";") if part.strip()]
    if not parts:
        raise SettingsError("A sweep needs a parameter", text, "Write 'legs.*.stop.percent=10,20,30'.")
    return dict(parameter_values(part) for part in parts)
