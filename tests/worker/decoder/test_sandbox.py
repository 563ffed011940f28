"""What a decoder process can no longer do. Linux alone has all of it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from worker.decoder import seccomp
from worker.decoder.process import PROJECT, DecoderProcess, Limits
from worker.decoder.sandbox import PROTECTIONS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")

ATTEMPTS = {
    "read a file": "open('/etc/passwd')",
    "list a folder": "os.listdir('/')",
    "write a file": "open(os.path.join(sys.argv[2], 'written'), 'w')",
    "make a folder": "os.mkdir(os.path.join(sys.argv[2], 'made'))",
    "open a socket": "socket.socket()",
    "open a local socket": "socket.socketpair()",
    "fork": "os.fork()",
    "exec": "os.execv('/bin/true', ['true'])",
    "start a process": "subprocess.run(['/bin/true'])",
    "signal its parent": "os.kill(os.getppid(), 0)",
    "change its limits": "raise_for(libc.prlimit(0, resource.RLIMIT_CPU, ctypes.byref(two), 0))",
    "make memory executable": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
    "trace a process": "raise_for(libc.ptrace(0, 0, 0, 0))",
    "change its user": "os.setuid(65534)",
    "enter a namespace": "raise_for(libc.unshare(0x10000000))",
}

SCRIPT = """
import ctypes, mmap, os, resource, socket, subprocess, sys, threading
sys.path.append(sys.argv[1])
from worker.decoder import sandbox
libc = ctypes.CDLL(None, use_errno=True)
two = (ctypes.c_ulong * 2)(1, 1)

def raise_for(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), 'refused')

assert sandbox.confine(2048, 60, os.getppid()) == list(sandbox.PROTECTIONS)
for name, attempt in {attempts!r}.items():
    try:
        exec(attempt)
    except OSError as error:
        os.write(1, f'{{name}}: {{error.errno}}\\n'.encode())
    else:
        os.write(1, f'{{name}}: done\\n'.encode())
thread = threading.Thread(target=lambda: os.write(1, b'a thread: runs\\n'))
thread.start()
thread.join()
os._exit(0)
"""

EPERM = 1


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each attempt, made inside the sandbox → the errno that it met, or `done`."""
    folder = tmp_path_factory.mktemp("outside")
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SCRIPT.format(attempts=ATTEMPTS), PROJECT, folder],
        env={},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert list(folder.iterdir()) == []
    return dict(line.split(": ") for line in run.stdout.decode().splitlines())


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_confined_process_cannot(answers: dict[str, str], attempt: str) -> None:
    assert answers[attempt] == str(EPERM)


def test_a_confined_process_may_start_threads(answers: dict[str, str]) -> None:
    assert answers["a thread"] == "runs"


def test_a_decoder_process_has_nothing_worth_taking() -> None:
    os.environ["CAPTIONS_SECRET_OF_THIS_TEST"] = "worth taking"
    child = asyncio.run(_look_into_a_child())
    assert child["environ"] == ""
    assert child["sandbox"] == PROTECTIONS
    assert "Seccomp:\t2" in child["status"]
    assert "NoNewPrivs:\t1" in child["status"]
    # Its socket, twice nothing, and not one file or socket of its parent's.
    assert len(child["descriptors"]) == 3
    assert child["descriptors"][1:] == ["/dev/null", "/dev/null"]
    assert child["descriptors"][0].startswith("socket:")
    assert child["group"] == child["pid"]


async def _look_into_a_child() -> dict[str, object]:
    child = await DecoderProcess.start(Limits())
    proc = Path("/proc") / str(child.pid)
    try:
        return {
            "environ": (proc / "environ").read_text(),
            "status": (proc / "status").read_text(),
            "sandbox": tuple(name for name in PROTECTIONS if name in child.sandbox),
            "descriptors": [str(link.readlink()) for link in sorted((proc / "fd").iterdir())],
            "group": os.getpgid(child.pid),
            "pid": child.pid,
        }
    finally:
        await child.close()


def test_a_decoder_process_loads_no_network_code_of_ours_and_no_tensorflow() -> None:
    script = (
        "import sys; import worker.decoder.child; "
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'aiohttp', 'sqlalchemy') "
        "if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    assert run.stdout.strip() == b"[]"


@pytest.mark.parametrize("name", seccomp.MACHINES)
def test_the_filter_of_every_machine_allows_what_the_others_allow(name: str) -> None:
    calls = {machine: set(seccomp.MACHINES[machine].calls) for machine in seccomp.MACHINES}
    assert calls[name] == set.union(*calls.values())
    assert calls[name].isdisjoint({"openat", "socket", "connect", "execve", "ptrace", "kill"})
