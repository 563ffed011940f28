"""The embedded stack: real processes on this machine, started, watched and ended together."""

from cli.stack.errors import StackError
from cli.stack.stack import Stack

__all__ = ["Stack", "StackError"]
