"""Becomes another program, after asking to be ended when the parent dies.

`python -I -S launch.py PARENT PROGRAM [ARGUMENT…]`; run as a file, with nothing but the standard
library. Linux keeps the request over `exec`; elsewhere there is none, and the parent's own
clean-up is all there is.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, program: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the request
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606  no shell is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
