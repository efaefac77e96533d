"""In a real notebook kernel: functions of a cell, and the stop button."""

from __future__ import annotations

import threading
import time
import warnings

import pytest

jupyter_client = pytest.importorskip("jupyter_client")

SETUP = """
import time
from kit import ConcurrentProcessor, ProcessingTask
processor = ConcurrentProcessor(2)
OFFSET = 5
def helper(x): return x * 2
def cell(x): return helper(x) + OFFSET
print([r.value for r in processor.run([ProcessingTask(f"t{n}", cell, (n,)) for n in range(3)])])
"""
SLEEP = """
sleepers = [ProcessingTask(f"s{n}", time.sleep, (600,)) for n in range(9)]
processor.run([ProcessingTask("quick", cell, (1,)), *sleepers])
"""
AFTER = """
print(processor.get_result("quick"), processor.get_active_tasks())
print(processor.run([ProcessingTask("z", cell, (9,))])[0].value)
processor.shutdown()
"""


@pytest.fixture
def kernel():
    """Return a started kernel's manager and a function that runs a cell and returns what it shows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own transport
        manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3")

    def run(code):
        shown = []

        def hear(message):
            content = message["content"]
            shown.append(content.get("text") or content.get("ename") or "")

        client.execute_interactive(code, timeout=60, output_hook=hear)
        return "".join(shown)

    yield manager, run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_cells_travel_and_the_stop_button_works(kernel):
    """Functions of a cell run in workers; stop ends a run at once, keeps what finished, and all goes on."""
    manager, run = kernel
    assert run(SETUP).strip() == "[5, 7, 9]"
    pressed = []

    def press():
        pressed.append(time.monotonic())
        manager.interrupt_kernel()

    threading.Timer(1.0, press).start()
    assert "KeyboardInterrupt" in run(SLEEP)
    assert time.monotonic() - pressed[0] < 1 + 1  # a second more for a busy machine
    assert run(AFTER).split() == ["7", "{}", "23"]
