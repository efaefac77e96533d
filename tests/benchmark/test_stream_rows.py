"""The rows of the market stream measure what they say."""

from kit.benchmark.suite import run_performance_benchmark


def lines(*names):
    """Run rows quickly and return their lines by name."""
    results = run_performance_benchmark(rows=names, progress=lambda *_: None)
    return {line.name: line for line in results["lines"]}


def test_bursts_are_decoded_beside_the_official_parser():
    """Both modes are decoded many times as fast as the official client parses the same packets."""
    found = lines("ltp_packets", "snapquote_packets")
    assert {name: line.ratio > 10 for name, line in found.items()} == dict.fromkeys(found, True)


def test_ticks_and_chain_are_measured_over_a_real_exchange():
    """The way of a tick takes time and drops none, and a chain that follows takes some of a core."""
    found = lines("tick_to_cache", "chain_follows")
    assert all(line.figure > 0 for line in found.values())
    assert "ticks a second" in found["tick_to_cache"].note
