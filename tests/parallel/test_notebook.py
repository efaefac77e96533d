"""In a real notebook kernel: functions of a cell, and the stop button."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("jupyter_client")

# The client runs in a process of its own: it leaves an event loop open when it goes.
CLIENT = """
import threading, time
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel(kernel_name="python3")

def run(code):
    def hear(message):
        content = message["content"]
        print(content.get("text") or content.get("ename") or "", end=" ")
    client.execute_interactive(code, timeout=60, output_hook=hear)

def press():
    pressed.append(time.monotonic())
    manager.interrupt_kernel()

run('''
import time
from kit import ConcurrentProcessor, ProcessingTask
processor = ConcurrentProcessor(2)
OFFSET = 5
def helper(x): return x * 2
def cell(x): return helper(x) + OFFSET
print([r.value for r in processor.run([ProcessingTask(f"t{n}", cell, (n,)) for n in range(3)])])
sleepers = [ProcessingTask(f"s{n}", time.sleep, (600,)) for n in range(9)]
''')
pressed = []
threading.Timer(1.0, press).start()
run("processor.run([ProcessingTask('quick', cell, (1,)), *sleepers])")
print("soon" if time.monotonic() - pressed[0] < 2 else "late")  # a second more for a busy machine
run("print(processor.get_result('quick'), processor.get_active_tasks())")
run("print(processor.run([ProcessingTask('z', cell, (9,))])[0].value)")
client.stop_channels()
manager.shutdown_kernel(now=True)
"""


def test_cells_travel_and_the_stop_button_works():
    """Functions of a cell run in workers; stop ends a run at once, keeps what finished, and all goes on."""
    done = subprocess.run(
        [sys.executable, "-c", CLIENT], check=False, capture_output=True, text=True, timeout=90
    )
    assert done.stdout.split() == ["[5,", "7,", "9]", "KeyboardInterrupt", "soon", "7", "{}", "23"], (
        done.stderr
    )
