"""One process of the stack: started, restarted when it dies, ended with its group."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")
EXIT_REFUSED = 78
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 5.0
HEALTHY_SECONDS = 10.0


class Child:
    """Runs `command` until it is ended. The thread that starts it lives as long as it does:
    Linux takes the death of that thread for the death of the parent.

    refused: called once when the process exits with code 78; it is not started again then.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        refused: Callable[["Child"], None],
    ) -> None:
        self.name = name
        self.log = log
        self.starts = 0
        self._command = command
        self._environment = environment
        self._refused = refused
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._supervise, name=name, daemon=True)

    @property
    def pid(self) -> int | None:
        """None while the process is not running."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def last_line(self) -> str:
        """The last that the process wrote: its sentence, where it refused to start."""
        lines = self.log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else ""

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Ask for a clean stop; `join` waits for it."""
        with self._lock:
            self._ending.set()
            self._signal(signal.SIGTERM)

    def join(self, seconds: float) -> None:
        """Wait for the end, and after `seconds` insist on it."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            with self._lock:
                self._signal(signal.SIGKILL)
            self._thread.join()

    def _supervise(self) -> None:
        delay = FIRST_DELAY_SECONDS
        while process := self._spawn():
            started = time.monotonic()
            code = process.wait()
            self._sweep(process)
            if code == EXIT_REFUSED:
                self._refused(self)
                return
            if time.monotonic() - started > HEALTHY_SECONDS:
                delay = FIRST_DELAY_SECONDS
            self._ending.wait(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        with self._lock, self.log.open("ab") as log:
            if self._ending.is_set():
                return None
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), *self._command],
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            self.starts += 1
            return self._process

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _sweep(self, process: subprocess.Popen[bytes]) -> None:
        """Nothing of the group outlives its leader."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
