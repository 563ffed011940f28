"""What a decoder process gives up before it sees the first foreign byte.

Each protection is applied where the system has it, and the names of those in force are handed
back, so that the parent can say what is missing.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable

from worker.decoder import seccomp

MEBIBYTE = 1024 * 1024
OPEN_FILES = 16
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38

PROTECTIONS = ("parent", "limits", "no_new_privileges", "seccomp")
"""All there are, in the order in which they are applied. On Linux every one is expected."""


def follow_parent(parent: int) -> bool:
    """Die with the parent. macOS lacks this: there the closed socket ends the child."""
    if not _prctl(PR_SET_PDEATHSIG, signal.SIGKILL):
        return False
    if os.getppid() != parent:
        os._exit(0)  # it died before the call
    return True


def limit(memory_mb: int, cpu_seconds: int) -> bool:
    """Bound memory and CPU time; no file may be written, no core dumped."""
    wanted = {
        resource.RLIMIT_AS: memory_mb * MEBIBYTE,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform != "linux":
        # Linux counts threads too, and those of every process of the user; seccomp does better.
        wanted[resource.RLIMIT_NPROC] = 0
    lowered = [_lower(kind, value) for kind, value in wanted.items()]
    return all(lowered)


def confine(memory_mb: int, cpu_seconds: int, parent: int) -> list[str]:
    """Apply every protection; the names of those in force. Nothing can be imported afterwards."""
    steps: dict[str, Callable[[], bool]] = {
        "parent": lambda: follow_parent(parent),
        "limits": lambda: limit(memory_mb, cpu_seconds),
        "no_new_privileges": lambda: _prctl(PR_SET_NO_NEW_PRIVS, 1),
        "seccomp": seccomp.install,
    }
    return [name for name in PROTECTIONS if steps[name]()]


def _lower(kind: int, value: int) -> bool:
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
        return True
    return False


def _prctl(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) == 0)
