"""A seccomp filter that lets a process compute, and read and write what it has open.

A list of what is allowed, not of what is forbidden: everything else, `open` and `socket` and
`execve` among it, fails with EPERM. Memory can no longer be made executable, and of new
processes only threads are let through (libheif starts some, whatever one asks it for).

Written as classic BPF because nothing but `prctl` is needed to install it (Linux,
Documentation/userspace-api/seccomp_filter.rst); for x86-64 and aarch64.
"""

import ctypes
import errno
import os
import platform
import sys
from dataclasses import dataclass
from typing import Final

PR_SET_SECCOMP: Final = 22
SECCOMP_MODE_FILTER: Final = 2

# <linux/seccomp.h>
KILL_PROCESS: Final = 0x80000000
ERRNO: Final = 0x00050000
ALLOW: Final = 0x7FFF0000

# <linux/bpf_common.h>: load a word, jump if equal, jump if bits are set, return.
LOAD: Final = 0x20
JUMP_EQUAL: Final = 0x15
JUMP_SET: Final = 0x45
RETURN: Final = 0x06

# Offsets in struct seccomp_data; arguments are 64 bit, both architectures little-endian.
NUMBER: Final = 0
ARCHITECTURE: Final = 4
FIRST_ARGUMENT: Final = 16
ARGUMENT_BYTES: Final = 8

PROT_EXEC: Final = 4
CLONE_THREAD: Final = 0x10000


@dataclass(frozen=True)
class Machine:
    """audit: its AUDIT_ARCH number. calls: name → system call number."""

    audit: int
    calls: dict[str, int]


MACHINES: Final = {
    "x86_64": Machine(
        0xC000003E,
        {
            "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10,
            "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
            "readv": 19, "writev": 20, "sched_yield": 24, "mremap": 25, "madvise": 28,
            "nanosleep": 35, "getpid": 39, "sendto": 44, "recvfrom": 45, "clone": 56, "exit": 60,
            "getrusage": 98, "sigaltstack": 131, "gettid": 186, "futex": 202,
            "sched_getaffinity": 204, "restart_syscall": 219, "clock_gettime": 228,
            "clock_nanosleep": 230, "exit_group": 231, "tgkill": 234, "set_robust_list": 273,
            "getrandom": 318, "rseq": 334, "clone3": 435,
        },
    ),
    "aarch64": Machine(
        0xC00000B7,
        {
            "close": 57, "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66,
            "fstat": 80, "exit": 93, "exit_group": 94, "futex": 98, "set_robust_list": 99,
            "nanosleep": 101, "clock_gettime": 113, "clock_nanosleep": 115,
            "sched_getaffinity": 123, "sched_yield": 124, "restart_syscall": 128, "tgkill": 131,
            "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139,
            "getrusage": 165, "getpid": 172, "gettid": 178, "sendto": 206, "recvfrom": 207,
            "brk": 214, "munmap": 215, "mremap": 216, "clone": 220, "mmap": 222, "mprotect": 226,
            "madvise": 233, "getrandom": 278, "rseq": 293, "clone3": 435,
        },
    ),
}  # fmt: skip
"""From the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.

sendto and recvfrom carry the child's one socket: without `socket` and `connect`, no other.
"""


class Instruction(ctypes.Structure):
    """struct sock_filter"""

    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jump_true", ctypes.c_ubyte),
        ("jump_false", ctypes.c_ubyte),
        ("value", ctypes.c_uint),
    )


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(Instruction)))


def install() -> bool:
    """Confine this process (and its threads to come) for good. False where that cannot be.

    Needs `PR_SET_NO_NEW_PRIVS`, which the caller has set.
    """
    machine = MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return False
    instructions = build(machine, os.getpid())
    array = (Instruction * len(instructions))(*instructions)
    program = Program(len(instructions), array)
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.prctl(
        PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(program), 0, 0
    )
    return bool(done == 0)


def build(machine: Machine, pid: int) -> list[Instruction]:
    """The filter for a process of this machine; it may signal only itself, as `abort` does."""
    program = [
        Instruction(LOAD, 0, 0, ARCHITECTURE),
        Instruction(JUMP_EQUAL, 1, 0, machine.audit),
        Instruction(RETURN, 0, 0, KILL_PROCESS),
        Instruction(LOAD, 0, 0, NUMBER),
    ]
    for name, number in machine.calls.items():
        match name:
            case "mmap" | "mprotect":
                program += _when(number, _argument(2), JUMP_SET, PROT_EXEC, hit=False)
            case "clone":
                program += _when(number, _argument(0), JUMP_SET, CLONE_THREAD, hit=True)
            case "clone3":
                # Its flags lie in memory, out of a filter's sight: told that it is not there,
                # libc falls back to clone.
                program += _answer(number, ERRNO | errno.ENOSYS)
            case "tgkill":
                program += _when(number, _argument(0), JUMP_EQUAL, pid, hit=True)
            case _:
                program += _answer(number, ALLOW)
    return [*program, Instruction(RETURN, 0, 0, ERRNO | errno.EPERM)]


def _answer(number: int, action: int) -> list[Instruction]:
    return [Instruction(JUMP_EQUAL, 0, 1, number), Instruction(RETURN, 0, 0, action)]


def _when(number: int, offset: int, test: int, value: int, *, hit: bool) -> list[Instruction]:
    """Allow call `number` if testing its argument's lower word gives `hit`, refuse it otherwise."""
    allowed, refused = (0, 1) if hit else (1, 0)
    return [
        Instruction(JUMP_EQUAL, 0, 4, number),
        Instruction(LOAD, 0, 0, offset),
        Instruction(test, allowed, refused, value),
        Instruction(RETURN, 0, 0, ALLOW),
        Instruction(RETURN, 0, 0, ERRNO | errno.EPERM),
    ]


def _argument(index: int) -> int:
    return FIRST_ARGUMENT + ARGUMENT_BYTES * index
