"""One word for one thing: what a reader may rely on when a name is met."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import kit

ROOT = Path(kit.__file__).parent


def test_public_class_names_are_unique():
    """No two modules of the package define a public class of the same name."""
    homes = defaultdict(list)
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(file.relative_to(ROOT).as_posix())
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


TRADING = re.compile(r"_?(Order|Book|Call|Put|Ask|Bid|Ledger|Line|Stamp|Tick|Bar|Trade)s?")
TRADED = {"backtest", "bars", "broker", "model", "simulator", "trading"}


def test_the_words_of_trading_name_nothing_else():
    """A class or type of one of these names stands in a room that trades, or keeps what was traded."""
    strays = []
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            named = [getattr(node, "name", "")] if isinstance(node, ast.ClassDef) else []
            if isinstance(node, ast.Assign):
                named = [target.id for target in node.targets if isinstance(target, ast.Name)]
            where = file.relative_to(ROOT)
            strays += [
                f"{where}: {name}"
                for name in named
                if TRADING.fullmatch(name) and where.parts[0] not in TRADED
            ]
    assert strays == []
