"""The rows of the paper account measure what they say."""

from kit.benchmark.suite import run_performance_benchmark


def test_an_order_is_measured_beside_bare_commits_and_a_journal_is_read():
    """Both rows have a figure; an order costs no less than half of what SQLite alone takes to sync twice."""
    names = ("paper_order", "paper_replay")
    results = run_performance_benchmark(rows=names, progress=lambda *_: None)
    found = {line.name: line for line in results["lines"]}
    assert all(found[name].figure > 0 for name in names)
    assert found["paper_order"].ratio > 0.5
