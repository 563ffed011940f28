"""A bash that stays open, so that what one example sets is there for the next."""

import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

END = "-- the example ends here --"


class Shell:
    """Stops at the first command that fails, as `bash -eu -o pipefail` does."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def run(self, code: str, seconds: float) -> str:
        """What `code` prints, errors included."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{code}\nprintf '\\n%s\\n' '{END}'\n".encode())
        self._process.stdin.flush()
        printed, until = b"", time.monotonic() + seconds
        end = f"\n{END}\n".encode()
        while not printed.endswith(end):
            left = max(0.0, until - time.monotonic())
            ready, _, _ = select.select([self._process.stdout], [], [], left)
            chunk = os.read(self._process.stdout.fileno(), 1 << 16) if ready else b""
            if not chunk:
                why = "the shell gave up" if ready else f"no end after {seconds:.0f} s"
                raise AssertionError(f"{why}\n\n{code}\nprinted:\n{printed.decode()}")
            printed += chunk
        return printed.removesuffix(end).decode()


@contextmanager
def shell(folder: Path, environment: Mapping[str, str]) -> Iterator[Shell]:
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-eu", "-o", "pipefail"],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield Shell(process)
    finally:
        process.kill()
        process.communicate()
