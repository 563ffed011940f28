"""A Redis server that a test may kill and bring back when it likes."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis
from redis.exceptions import RedisError

from cli.stack.ready import redis_answers
from cli.stack.redis import redis_command
from tests.system.service import wait_for


class RedisServer:
    """Always on the same socket; every start finds it empty."""

    def __init__(self, socket: Path) -> None:
        self.url = f"unix://{socket}"
        self._socket = socket
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(redis_command(self._socket), stdout=subprocess.DEVNULL)
        wait_for(lambda: redis_answers(self._socket))

    def kill(self) -> int:
        """kill -9; the pid that it had."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert not redis_answers(self._socket)
        return self._process.pid

    def flush(self) -> int:
        """Throw away everything; how many hints there were."""
        with Redis.from_url(self.url) as connection:
            hints = sum(int(connection.llen(queue)) for queue in ("fetch", "caption"))
            connection.flushall()
        return hints

    def hints(self, queue: str) -> int:
        with suppress(RedisError), Redis.from_url(self.url) as connection:
            return int(connection.llen(queue))
        return 0


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    # The path of a Unix socket must be short.
    with TemporaryDirectory(prefix="captions-redis-", dir="/tmp") as folder:
        server = RedisServer(Path(folder, "redis.sock"))
        server.start()
        try:
            yield server
        finally:
            server.kill()
