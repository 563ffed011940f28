"""A clean stop, wanted by a signal and waited for by whoever sleeps.

A `threading.Event` may not be set by a signal handler: it deadlocks where the interrupted
thread holds its lock. A byte in a pipe may always be written.
"""

import os
import select
import signal
from collections.abc import Callable
from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT_AT_ONCE = 130


class Stop:
    """Set once, never cleared. Any thread may ask, wait or set."""

    def __init__(self) -> None:
        self._wanted = False
        self._read_end, self._write_end = os.pipe()

    def is_set(self) -> bool:
        return self._wanted

    def set(self) -> None:
        if not self._wanted:
            self._wanted = True
            os.write(self._write_end, b".")

    def wait(self, seconds: float) -> bool:
        """Sleep, or return early once a stop is wanted. Answers whether it is."""
        readable, _, _ = select.select([self._read_end], [], [], seconds)
        return bool(readable)

    def fileno(self) -> int:
        """Readable once a stop is wanted, for event loops."""
        return self._read_end


def listen(stop: Stop, then: Callable[[], None] = lambda: None) -> None:
    """The first SIGTERM or SIGINT sets `stop`; the second ends the process at once."""

    def on_signal(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if stop.is_set():
            os._exit(EXIT_AT_ONCE)
        stop.set()
        then()

    for number in STOP_SIGNALS:
        signal.signal(number, on_signal)
