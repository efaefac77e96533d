"""Widgets stay alive while a cell awaits: what the kernel leaves unsaid then is said here.

ipykernel 7.4 hands a widget's message on while a cell awaits, but says neither busy nor idle for it. The page
holds back every further change of that widget until it hears the end of the last one: it stays dead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.getipython import get_ipython


class _Ending:
    """Handles a message as before, and says its end where it came while a cell runs."""

    def __init__(self, kernel: Any, handle: Callable[[Any, Any, Any], Any]) -> None:
        self._kernel, self._handle = kernel, handle
        self._runs = True  # it is made by a cell
        kernel.shell.events.register("pre_run_cell", self._begin)
        kernel.shell.events.register("post_run_cell", self._end)

    def __call__(self, stream: Any, ident: Any, message: Any) -> Any:
        done = self._handle(stream, ident, message)
        if self._runs:
            for state in ("idle", "busy"):  # the message has ended, the cell has not
                self._kernel.session.send(
                    self._kernel.iopub_socket, "status", {"execution_state": state}, parent=message,
                    ident=b"status",
                )  # fmt: skip
        return done

    def _begin(self, _: Any) -> None:
        self._runs = True

    def _end(self, _: Any) -> None:
        self._runs = False


def keep_answering() -> None:
    """Let this kernel say the end of a widget's message that comes while a cell awaits."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is not None and not isinstance(kernel.shell_handlers["comm_msg"], _Ending):
        kernel.shell_handlers["comm_msg"] = _Ending(kernel, kernel.shell_handlers["comm_msg"])
