"""Figures that were recorded earlier, and whether they still count."""

import json
import subprocess
from datetime import datetime

import pytest

from tools import checkout
from tools.provenance import CHECKOUT, Unknown, provenance, recorded


def record(**changes):
    """Return a record of this moment and this checkout, with changes."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=CHECKOUT, capture_output=True, check=True)
    whole = {"at": datetime.now().astimezone().isoformat(), "commit": head.stdout.decode().strip()}
    return {"seconds": 3.5, **whole, **changes}


def test_a_figure_counts_for_the_code_it_was_measured_on(tmp_path):
    """A record of this commit, whose sources have not changed since, is returned as it stands."""
    file = tmp_path / "record.json"
    file.write_text(json.dumps({"pip": record()}))
    assert recorded(file, "make demo", ("LICENSE",), "pip")["seconds"] == 3.5


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "not timed yet"),
        ("{", "not timed yet"),
        ("[1]", "not timed yet"),
        ('{"seconds": 1}', "not timed yet"),
        (record(at="2026-01-01T00:00:00+05:30"), "too long ago"),
        (record(commit=None), "not committed"),
        (record(commit="0" * 40), "the code has changed since"),
    ],
)
def test_a_figure_of_other_code_is_not_judged(tmp_path, content, word):
    """Missing, damaged, old, or of an unknown state: no figure, and the reason with what makes a new one."""
    file = tmp_path / "record.json"
    if content is not None:
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(Unknown, match=f"{word}.*make demo"):
        recorded(file, "make demo", ("LICENSE",))


def test_the_provenance_is_this_commit_or_none():
    """A checkout whose files differ from its commit has no commit; the date is always there."""
    found = provenance()
    assert datetime.fromisoformat(found["at"]).tzinfo
    assert found["commit"] in (None, record()["commit"])


def test_a_missed_limit_is_an_exit_code_and_an_unknown_figure_is_not(monkeypatch, capsys):
    """Each figure is told beside its limit; what cannot be judged says why and fails nothing."""

    def unknown():
        raise Unknown("not timed yet")

    monkeypatch.setattr(checkout, "MEASURED", (("a", lambda: 1.0, 2, "s"), ("b", unknown, 2, "s")))
    assert checkout.main() == 0
    monkeypatch.setattr(checkout, "MEASURED", (("c", lambda: 3.0, 2, "s"),))
    assert checkout.main() == 1
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told] == ["a", "b", "c"]
    assert "not timed yet" in told[1]
    assert told[2].endswith("NO")
