"""Recorded runs, and what changed between two of them."""

import json

import pytest

from kit.benchmark import history
from kit.errors import UnreadableFile


def run(load=0.1, pace_ms=None, **figures):
    """Return a recorded run of rows given as low, median, high, measured beside this load at this pace."""
    rows = [
        {
            "name": name,
            "unit": "us",
            "figure": mid,
            "low": low,
            "high": high,
            "load": load,
            "pace_ms": pace_ms,
        }
        for name, (low, mid, high) in figures.items()
    ]
    return {"score": 90.0, "violations": [], "machine": {}, "versions": {}, "rows": rows}


def test_a_change_is_one_beyond_the_intervals_and_beyond_what_runs_differ_by():
    """Overlapping intervals and small steps are noise; a clear step is told with its factor."""
    before = run(same=(9, 10, 11), overlap=(9, 10, 14), small=(9.9, 10, 10.1), slow=(9, 10, 11))
    after = run(same=(9, 10, 11), overlap=(13, 15, 16), small=(10.9, 11, 11.1), slow=(19, 20, 21))
    changes = history.compare(before, after)
    assert [change.name for change in changes] == ["slow"]
    assert changes[0].factor == 2
    assert "slow: 10 -> 20 us  x 2.00" in history.changes_text(changes)


def test_what_an_earlier_run_had_as_well_is_no_news():
    """A machine that goes from one speed to another and back changes no row; what no run had is told."""
    slow, quick = run(a=(9, 10, 11), b=(9, 10, 11)), run(a=(4, 5, 6), b=(4, 5, 6))
    after = run(a=(4, 5, 5.5), b=(1, 2, 3))
    assert [change.name for change in history.compare(slow, after)] == ["b", "a"]
    assert [change.name for change in history.compare(slow, after, [quick])] == ["b"]
    assert [change.name for change in history.compare(slow, after, [run(other=(1, 2, 3))])] == ["b", "a"]


@pytest.mark.parametrize(
    ("loads", "why"),
    [
        ((0.1, 1.2), "not judged: others kept 0.1 cores busy, then 1.2"),
        ((1.2, 0.1), "not judged: others kept 1.2 cores busy, then 0.1"),
        ((None, 0.1), "not judged: nobody knows how busy others kept the machine"),
    ],
)
def test_beside_another_load_nothing_is_called_a_change(loads, why):
    """A figure that moved while others used the machine more or less says so in its line."""
    before, after = (run(load, a=(at, at, at)) for load, at in zip(loads, (1, 2), strict=True))
    (change,) = history.compare(before, after)
    assert not change.judged
    told = history.changes_text([change]).splitlines()
    assert told[0] == "nothing changed beyond noise."
    assert told[2] == f"  a: 1 -> 2 us  x 2.00  ({why})"


@pytest.mark.parametrize(("paces", "judged"), [((1.0, 1.4), False), ((1.4, 1.0), False), ((1.0, 1.05), True)])
def test_on_a_machine_that_changed_its_speed_nothing_is_called_a_change(paces, judged):
    """A figure that moved while the machine itself was faster or slower says so in its line."""
    before, after = (run(pace_ms=pace, a=(at, at, at)) for pace, at in zip(paces, (1, 2), strict=True))
    (change,) = history.compare(before, after)
    assert change.judged is judged
    assert ("the machine itself was" in str(change)) is not judged


def test_where_rows_carry_no_load_the_runs_does():
    """Runs without a load per row are compared by the machine's load before them."""
    runs = [{**run(None, a=(at, at, at)), "machine": {"load_1min": 0.2}} for at in (1, 2)]
    assert history.compare(*runs)[0].judged


def test_a_row_that_lost_its_figure_or_that_only_one_run_has_is_a_change():
    """A row that fails now is told, and so is one that came or went."""
    before, after = run(a=(1, 1, 1), gone=(1, 1, 1)), run(a=(None, None, None), new=(1, 1, 1))
    told = history.changes_text(history.compare(before, after))
    assert [line.split(":")[0].strip() for line in told.splitlines()[1:]] == ["a", "new", "gone"]
    assert "a: 1 -> – us  (not measured now)" in told
    assert "a new row" in told
    assert "no such row any more" in told
    assert history.compare(after, after) == []
    assert history.changes_text([]) == "nothing changed beyond noise."


def test_the_largest_change_comes_first():
    """Twice as fast is as large a change as twice as slow."""
    before = run(a=(10, 10, 10), b=(10, 10, 10), c=(10, 10, 10))
    after = run(a=(13, 13, 13), b=(2, 2, 2), c=(20, 20, 20))
    assert [change.name for change in history.compare(before, after)] == ["b", "c", "a"]


SOUND = {"at": "2026-11-20T10:00:00+05:30", "quick": True, **run(a=(1, 1, 1))}


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\xff rubbish",
        b'{"score": 1}',
        b"[1, 2]",
        b'{"score":',
        json.dumps(run()).encode(),
        json.dumps({**SOUND, "rows": [1]}).encode(),
        json.dumps({**SOUND, "rows": [{"name": "a", "unit": "us", "figure": 1, "low": 1}]}).encode(),
        json.dumps({**SOUND, "machine": None}).encode(),
        json.dumps({**SOUND, "score": "high"}).encode(),
        json.dumps({**SOUND, "at": "yesterday"}).encode(),
    ],
)
def test_a_corrupt_line_is_told_with_its_place_and_the_others_are_read(tmp_path, content):
    """What cannot be read is a typed error that says where and what to do; the sound runs are returned."""
    file = tmp_path / "benchmarks.jsonl"
    sound = json.dumps(SOUND).encode()
    file.write_bytes(sound + b"\n" + content + b"\n" + sound + b"\n")
    runs, bad = history.load(file)
    assert runs == [SOUND, SOUND]
    assert [type(error) for error in bad] == [UnreadableFile]
    assert "benchmarks.jsonl, line 2" in str(bad[0])
    assert "Remove it" in str(bad[0])


def test_a_missing_history_is_empty_and_a_missing_file_to_compare_is_an_error(tmp_path):
    """Before the first run there is nothing; a named file must exist and hold sound rows."""
    assert history.load(tmp_path / "none.jsonl") == ([], [])
    with pytest.raises(UnreadableFile, match=r"none\.json"):
        history.load_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text(json.dumps({**run(), "rows": [{"name": "a"}]}))
    with pytest.raises(UnreadableFile, match=r"bad\.json"):
        history.load_json(tmp_path / "bad.json")
