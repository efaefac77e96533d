"""One word for one thing: what a reader may rely on when a name is met."""

import ast
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
