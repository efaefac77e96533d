"""Widgets of a cell that awaits, in a real kernel without a page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

SOON_S = 60  # generous: a kernel of a busy machine
CELL = """
import asyncio
import ipywidgets as w
from kit.widgets.frame.awaiting import keep_answering

keep_answering()
keep_answering()  # once is enough, however many panels there are
box, came = w.IntText(1), asyncio.Event()
box.observe(lambda change: change.new == 3 and came.set(), "value")
print(box.comm.comm_id, flush=True)
await came.wait()
"""


@pytest.fixture
def kernel(tmp_path, monkeypatch) -> Iterator[BlockingKernelClient]:
    """Start a kernel with folders of its own."""
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=SOON_S)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy()


def heard(client: BlockingKernelClient, kind: str, parent: str, **content: Any) -> list[dict[str, Any]]:
    """Return what the page hears, up to a message of a kind on a request."""
    messages, deadline = [], time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        message = client.get_iopub_msg(timeout=SOON_S)
        messages.append(message)
        meant = (message["msg_type"], message["parent_header"].get("msg_id")) == (kind, parent)
        if meant and content.items() <= message["content"].items():
            return messages
    raise AssertionError(messages)


def change(client: BlockingKernelClient, comm: str, value: int) -> str:
    """Change the widget as a page does; return the message's name."""
    update = {"method": "update", "state": {"value": value}, "buffer_paths": []}
    message = client.session.msg("comm_msg", {"comm_id": comm, "data": update})
    client.shell_channel.send(message)
    name: str = message["header"]["msg_id"]
    return name


def test_the_page_hears_the_end_of_a_widgets_message_while_a_cell_awaits(kernel):
    """Each change of a widget is told idle before the awaiting cell ends, and after it once, as ever."""
    cell = kernel.execute(CELL)
    comm = heard(kernel, "stream", cell)[-1]["content"]["text"].strip()
    first = change(kernel, comm, 2)
    meanwhile = heard(kernel, "status", first, execution_state="idle")
    assert not [one for one in meanwhile if one["msg_type"] == "error"]
    change(kernel, comm, 3)
    heard(kernel, "status", cell, execution_state="idle")
    later = change(kernel, comm, 4)
    after = heard(kernel, "status", later, execution_state="idle")
    last = kernel.execute("box.value", silent=False)
    after += heard(kernel, "status", last, execution_state="idle")
    states = [one["content"]["execution_state"] for one in after
              if one["msg_type"] == "status" and one["parent_header"]["msg_id"] == later]  # fmt: skip
    assert states == ["busy", "idle"]
    assert [one["content"]["data"]["text/plain"] for one in after if one["msg_type"] == "execute_result"] == [
        "4"
    ]
