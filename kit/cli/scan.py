"""The command that ranks every position of a chain: ``kit scan``."""

from __future__ import annotations

import argparse
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kit.cli.idle import declare_idle
from kit.cli.outputs import file_said
from kit.errors import SettingsError, UnknownExpiry
from kit.files import write_text

if TYPE_CHECKING:
    from kit.model import ChainSnapshot

Commands = argparse._SubParsersAction  # the type that argparse gives no public name


def add_scan(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``kit scan``."""
    scan = commands.add_parser("scan", help="rank every position of a chain's families")
    scan.add_argument("families", nargs="*", default=["all"], help="for instance iron_condor (default: all)")
    scan.add_argument("--chain", type=Path, help="a market-data file of the exchange instead of its quotes")
    scan.add_argument("--expiry", help="as 2026-11-23 or 23NOV2026 (default: the nearest)")
    scan.add_argument("--where", action="append", help="for instance 'max_loss_inr < 20_000'; repeat it")
    scan.add_argument("--rank-by", action="append", help="a figure; repeat it for a Pareto front")
    scan.add_argument(
        "--top", type=int, help="how many to show (default: 20, where no family is named the best of each)"
    )
    scan.add_argument("--widths", type=float, nargs="+", help="distances of wings, rupees")
    scan.add_argument("--view", default="market", help="market or lognormal (default: market)")
    scan.add_argument("--entry", default="touch", help="touch or mid (default: touch)")
    scan.add_argument("--csv", type=file_said, help="write every figure of what is shown here")
    declare_idle(scan, ("--settings", "with", "--chain"))
    scan.set_defaults(run=_scan)


def _scan(options: argparse.Namespace) -> int:
    from kit.demo import headline
    from kit.evaluation.scan import scan
    from kit.evaluation.scan.families import has_wings, named
    from kit.model.derived import told

    if options.widths and not any(map(has_wings, named(options.families))):
        raise SettingsError(
            "None of these families has wings", " ".join(options.families), "Leave --widths out."
        )
    chain = _chain(options)
    each = options.families == ["all"] and options.top is None and len(options.rank_by or ()) < 2
    found = scan(
        chain,
        options.families,
        where=options.where,
        rank_by=options.rank_by,
        top=None if each else 20 if options.top is None else options.top,
        widths=options.widths,
        view=options.view,
        entry=options.entry,
    )
    print("\n".join([headline(chain), *told(chain.derived)]))
    print("Amounts are rupees for one position.")
    if each:
        found = found.of_each_family()
        print("The best of each family: name one, or say --top, to see what comes next.")
    print(found.to_text())
    if options.csv is not None:
        write_text(options.csv, found.table.to_csv(index=False))
    return 0


def _chain(options: argparse.Namespace) -> ChainSnapshot:
    """Return the chain that is asked for, from a file or from the exchange of the settings.

    Where a family spans two expiries the next one stands beside it.
    """
    from kit.clock import parse_day
    from kit.evaluation.scan.family_rules import SPANNING

    wanted = None if options.expiry is None else parse_day(options.expiry)
    spans = not SPANNING.keys().isdisjoint(options.families)
    if options.chain is None:
        from kit.desk import open_desk
        from kit.settings import Settings

        with open_desk(Settings.load(options.settings)) as desk:
            ask = partial(desk.data.option_chain, "BANKNIFTY")
            chain = ask(wanted)
            later = [day for day in desk.data.expiries("BANKNIFTY") if day > chain.expiry] if spans else []
            return chain.beside(*map(ask, later[:1]))
    chain, others = _of_file(options.chain, wanted)
    return chain.beside(*others[:1]) if spans else chain


def _of_file(file: Path, wanted: date | None) -> tuple[ChainSnapshot, list[ChainSnapshot]]:
    """Return a file's chain of an expiry, by default the first that is traded, and those of later ones."""
    from kit.chains.readers import living, read_chain

    chains = sorted(read_chain(file), key=lambda chain: chain.expiry)
    chain = next((chain for chain in chains if chain.expiry == wanted), None)
    if wanted is None:
        chain = living(chains)
    if chain is None:
        listed = ", ".join(f"{chain.expiry}" for chain in chains)
        raise UnknownExpiry("The file has no options of this expiry", f"{wanted}", f"It has {listed}.")
    return chain, [other for other in chains if other.expiry > chain.expiry]
