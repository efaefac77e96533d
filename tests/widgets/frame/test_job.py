"""Work in the background."""

import asyncio
import threading

from kit.widgets.frame.job import Job


def _quiet(*_):
    return None


def test_the_result_and_the_progress_arrive():
    """A job ends done, with its result and the last progress reported."""
    seen, ended = [], []

    def work(on_progress, should_stop):
        on_progress(0.5, "half")
        on_progress(1.0, "all")
        return 42

    job = Job(work, lambda *told: seen.append(told), ended.append)
    assert job.wait(10)
    assert (job.state, job.result, job.error) == ("done", 42, None)
    assert seen[-1] == (1.0, "all")
    assert ended == [job]


def test_progress_is_thinned_out():
    """A hundred reports in a moment do not become a hundred messages."""
    seen = []

    def work(on_progress, should_stop):
        for step in range(100):
            on_progress(step / 100, "")

    Job(work, lambda *told: seen.append(told), _quiet, rate_hz=1).wait(10)
    assert len(seen) < 10


def test_cancel_stops_the_work_and_keeps_what_it_found():
    """Work that asks `should_stop` ends soon after a cancel, with its partial result."""
    started = threading.Event()

    def work(on_progress, should_stop):
        started.set()
        while not should_stop():
            threading.Event().wait(0.001)
        return "half"

    job = Job(work, _quiet, _quiet)
    assert started.wait(10)
    job.cancel()
    assert job.wait(10)
    assert (job.state, job.result) == ("cancelled", "half")


def test_an_error_is_kept():
    """Work that raises ends failed, with the error itself."""

    def work(on_progress, should_stop):
        raise ValueError("no route to the exchange")

    job = Job(work, _quiet, _quiet)
    assert job.wait(10)
    assert job.state == "failed"
    assert "no route" in str(job.error)


def test_the_end_is_told_at_home():
    """With an event loop the end arrives on its thread, and awaiting it keeps the loop alive."""

    async def main():
        ended = []
        job = Job(lambda *_: 1, _quiet, lambda _: ended.append(threading.current_thread()))
        assert await job.finished() is job
        return ended

    assert asyncio.run(main()) == [threading.main_thread()]
