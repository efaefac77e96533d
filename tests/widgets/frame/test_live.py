"""The home loop and the live figure."""

import asyncio
import io
import threading

import numpy as np
from matplotlib import rcParams
from PIL import Image

from kit.widgets.frame.live import HomeLoop, LiveFigure, styled


def _pixels(figure):
    return np.asarray(Image.open(io.BytesIO(figure.value)))


def test_without_a_loop_a_call_runs_at_once():
    """A script or a test needs no event loop."""
    seen = []
    HomeLoop().call(seen.append, 1)
    assert seen == [1]


def test_what_is_to_run_later_takes_the_place_of_what_waits():
    """A panel whose pace is changed goes at the new one alone, not at both."""

    async def main():
        home, seen = HomeLoop(), []
        home.later(0.01, lambda: seen.append("old pace"))
        home.later(0.02, lambda: seen.append("new pace"))
        await asyncio.sleep(0.1)
        return seen

    assert asyncio.run(main()) == ["new pace"]


def test_a_call_from_another_thread_runs_at_home():
    """Whichever thread asks, the work is done on the thread that made the loop."""

    async def main():
        home, seen = HomeLoop(), []
        await asyncio.to_thread(home.call, lambda: seen.append(threading.current_thread()))
        await asyncio.sleep(0.01)
        return seen

    assert asyncio.run(main()) == [threading.main_thread()]


def test_an_image_without_a_drawing_is_hidden():
    """A figure that was never drawn shows no broken picture."""
    figure = LiveFigure(200, 100)
    assert figure.layout.display == "none"
    figure.redraw()
    assert figure.layout.display is None


def test_a_step_equals_a_full_redraw():
    """Moving an artist over the kept background gives the picture that drawing everything gives."""
    figure = LiveFigure(300, 200)
    axes = figure.figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    (line,) = axes.plot([0, 1], [0, 1])
    figure.moving = [line]
    figure.redraw()
    first = _pixels(figure)
    line.set_ydata([1, 0])
    figure.step()
    stepped = _pixels(figure)
    figure.redraw()
    assert (stepped != first).any()
    assert (_pixels(figure) == stepped).all()


def test_a_step_before_any_drawing_draws():
    """The first step needs no redraw before it."""
    figure = LiveFigure(200, 100)
    figure.figure.subplots()
    figure.step()
    assert _pixels(figure).shape == (150, 300, 4)


def test_drawing_from_another_thread_happens_at_home():
    """A worker that asks for a drawing never touches the figure itself."""

    async def main():
        figure, drawn = LiveFigure(200, 100), []
        figure.observe(lambda _: drawn.append(threading.current_thread()), "value")
        await asyncio.to_thread(figure.redraw)
        await asyncio.sleep(0.01)
        return drawn

    assert asyncio.run(main()) == [threading.main_thread()]


def test_two_threads_that_draw_leave_the_style_of_plots_as_it_was():
    """Panels without an event loop draw on any thread; what overlaps leaves no parameter behind."""
    before = rcParams["axes.titlelocation"]
    first_is_in, second_may_end = threading.Event(), threading.Event()

    def first():
        with styled():
            first_is_in.set()
            second_may_end.wait(0.3)

    def second():
        first_is_in.wait(5)
        with styled():
            thread.join(5)

    thread, other = threading.Thread(target=first), threading.Thread(target=second)
    thread.start()
    other.start()
    other.join(10)
    assert rcParams["axes.titlelocation"] == before
