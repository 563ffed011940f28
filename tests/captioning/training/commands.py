"""`captions …` as a process of its own, the way people run it, and killed the way machines do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def captions(*words: object) -> str:
    """Run a command to its end; what it printed. Fails with its words where it did not succeed."""
    done = subprocess.run(_command(words), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kill_at(sign: str, *words: object) -> None:
    """Run a command, and SIGKILL it as soon as its progress says `sign`."""
    process = subprocess.Popen(_command(words), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    said = ""
    while sign not in said:
        piece = process.stderr.read(1)
        assert piece, f"it never came to {sign!r}: {said}"
        said += piece
    os.kill(process.pid, signal.SIGKILL)
    process.stderr.close()
    assert process.wait() == -signal.SIGKILL


def _command(words: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-m", "cli", *map(str, words)]
