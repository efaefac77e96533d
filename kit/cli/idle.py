"""Options that change nothing beside others: refused in words, never ignored."""

from __future__ import annotations

import argparse
from typing import Literal

from kit.errors import SettingsError

Idle = tuple[str, Literal["with", "without"], str]
"""An option, and with or without which other it means nothing; an other that is no option is always there."""


def declare_idle(command: argparse.ArgumentParser, *idle: Idle) -> None:
    """Say which options of a command mean nothing beside which others."""
    command.set_defaults(idle=idle, default_of=command.get_default)


def refuse_idle(options: argparse.Namespace) -> None:
    """Refuse an option that was given and would change nothing.

    Raises
    ------
    SettingsError
        Names it and what makes it so.
    """

    def is_given(option: str) -> bool:
        name = option.lstrip("-").replace("-", "_")
        return not hasattr(options, name) or getattr(options, name) != options.default_of(name)

    for option, when, other in getattr(options, "idle", ()):
        if is_given(option) and is_given(other) == (when == "with"):
            remedy = f"Leave {option} out." if when == "with" else f"Add {other}, or leave {option} out."
            raise SettingsError(f"{option} means nothing {when} {other}", None, remedy)
