"""The commands that fill the store of option minutes: ``kit import`` and ``kit collect``."""

from __future__ import annotations

import argparse
from pathlib import Path

from kit.cli.dates import day_said
from kit.cli.idle import declare_idle
from kit.errors import SettingsError

Commands = argparse._SubParsersAction  # the type that argparse gives no public name
_STORE = Path("data/minutes")


def add_import(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``kit import``."""
    taken = commands.add_parser("import", help="put minutes of a vendor into the store")
    taken.add_argument("files", nargs="+", type=Path, help="Parquet, feather or CSV; folders are searched")
    _add_store(taken)
    taken.add_argument(
        "--map",
        nargs="+",
        action="extend",
        default=[],
        metavar="FIELD=COLUMN",
        help="what cannot be detected: symbol=Ticker, or a value: expiry:=2024-01-10, kind:=index, bar:=end",
    )
    taken.add_argument("--replace", action="store_true", help="take the newer where two sources differ")
    declare_idle(taken, ("--settings", "with", "kit import"))
    taken.set_defaults(run=_import)


def _add_store(taken: argparse.ArgumentParser) -> None:
    help_ = "root of the store (data/minutes)"
    taken.add_argument("--store", "--data", type=Path, default=_STORE, help=help_)
    taken.add_argument("--underlying", default="BANKNIFTY", help="whose options (BANKNIFTY)")


def _import(options: argparse.Namespace) -> int:
    from kit.bars.importing import import_files
    from kit.bars.minute_store import MinuteStore

    store = MinuteStore(options.store, options.underlying)
    report = import_files(options.files, store, _declared(options.map), replace=options.replace)
    print(report)
    return 1 if report.failed or not report.days else 0


def _declared(words: list[str]) -> dict[str, str]:
    """Read ``field=Column`` and ``field:=value``."""
    found = {}
    for word in words:
        field, mark, value = word.partition("=")
        if not mark or not value:
            raise SettingsError(
                "Not a declared column", word, "Write --map symbol=Ticker or expiry:=2024-01-10."
            )
        found[field.removesuffix(":")] = f"={value}" if field.endswith(":") else value
    return found


def add_collect(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``kit collect``."""
    taken = commands.add_parser("collect", help="fetch closed days' option minutes into the store, resumable")
    _add_store(taken)
    taken.add_argument("--from", dest="first", type=day_said, help="first day (the latest closed)")
    taken.add_argument("--to", dest="last", type=day_said, help="last day (the latest closed)")
    taken.add_argument("--expiries", type=int, default=2, help="nearest expiries of each day (2)")
    taken.add_argument("--around", type=int, default=30, help="strikes below the low and above the high (30)")
    taken.set_defaults(run=_collect)


def _collect(options: argparse.Namespace) -> int:
    from kit.bars.minute_store import MinuteStore
    from kit.collecting import collect_minutes
    from kit.settings import Settings

    store = MinuteStore(options.store, options.underlying)
    done = collect_minutes(
        Settings.load(options.settings),
        store,
        options.first,
        options.last,
        expiries=options.expiries,
        around=options.around,
    )
    print(done)
    return 0
