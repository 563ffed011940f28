"""Starts the embedded stack in the order of its needs, and ends it in the reverse."""

import errno
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from cli.stack.child import Child
from cli.stack.environment import environment
from cli.stack.errors import NotReady, PortInUse, PortUnusable, ProcessRefused, StackError
from cli.stack.home import Home
from cli.stack.ready import missing, redis_answers
from cli.stack.redis import redis_command
from jobs.database import Database
from jobs.settings import Settings

READY_SECONDS = 600.0
REDIS_SECONDS = 10.0
POLL_SECONDS = 0.1
SAY_SECONDS = 10.0
# A stop finishes or releases what is held; twice what that takes on a slow device.
GRACE_SECONDS = 20.0


class Stack:
    """The processes that serve one home: Redis, dispatcher, workers and API.

    A Redis server is started only where the settings name none. `settings` are the ones that
    the processes run with: the port and the socket are chosen by now. workers: the module that
    is run as a worker of each stage.
    """

    def __init__(
        self, settings: Settings, *, fetch: int = 1, caption: int = 1, workers: str = "worker"
    ) -> None:
        self._own_redis = settings.redis_url == f"unix://{settings.home}/redis/redis.sock"
        self.settings = settings
        self._module = workers
        self._workers = _numbered("fetch", fetch) | _numbered("caption", caption)
        self._home: Home | None = None
        self._children: list[Child] = []
        self._refused: Child | None = None
        self._news = threading.Event()

    @property
    def url(self) -> str:
        host = self.settings.api_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.settings.api_port}"

    @property
    def processes(self) -> Mapping[str, int | None]:
        """Name → pid; None while a process is being restarted."""
        return {child.name: child.pid for child in self._children}

    def start(self) -> None:
        """Start everything and return; the database can be used from then on.

        Raises StackError, or DatabaseUnavailable.
        """
        self._home = Home(self.settings.home)
        try:
            self._choose_port()
            if self._own_redis:
                self._start_redis(self._home)
            db = Database(self.settings.database_url)
            db.migrate()
            db.close()
            self._start("dispatch", _python("worker", "dispatch"))
            for name, kind in self._workers.items():
                self._start(name, _python(self._module, kind))
            self._start("api", _python("api"))
        except BaseException:
            self.stop()
            raise

    def wait_ready(
        self, seconds: float = READY_SECONDS, say: Callable[[str], object] = lambda _: None
    ) -> None:
        """Return once every part answers. Raises ProcessRefused or NotReady.

        say: called with what is still missing, in words, every ten seconds.
        """
        until, silent_until = time.monotonic() + seconds, time.monotonic() + SAY_SECONDS
        while lacking := missing(self.url):
            self.check()
            if time.monotonic() > until:
                raise NotReady(seconds, self._explain(lacking), self._logs)
            if time.monotonic() > silent_until:
                silent_until += SAY_SECONDS
                say(self._explain(lacking))
            self._news.wait(POLL_SECONDS)

    def check(self) -> None:
        """Raises ProcessRefused if a process said that it will not run."""
        if child := self._refused:
            raise ProcessRefused(child.name, child.last_line(), child.log)

    def wait(self) -> None:
        """Return never: until interrupted, or ProcessRefused is raised."""
        while True:
            self._news.wait()
            self.check()

    def stop(self) -> None:
        """End the API and the dispatcher, then the workers, then Redis."""
        doors, workers, redis = ("api", "dispatch"), tuple(self._workers), ("redis",)
        for names in (doors, workers, redis):
            self._end(names)
        self._children.clear()
        if self._home is not None:
            self._home.close()
            self._home = None

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _logs(self) -> Path:
        return self.settings.home / "logs"

    def _explain(self, lacking: str) -> str:
        """What is missing, and the last words of the processes that end again and again."""
        failing = [child for child in self._children if child.starts > 1]
        return "; ".join([lacking, *(f"{child.name}: {child.last_line()}" for child in failing)])

    def _choose_port(self) -> None:
        host, port = self.settings.api_host, self.settings.api_port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise PortInUse(host, port) from error
                reason = error.strerror or str(error)
                raise PortUnusable(host, port, reason) from error
            self._set(api_port=probe.getsockname()[1])

    def _start_redis(self, home: Home) -> None:
        path = home.socket_folder() / "redis.sock"
        self._set(redis_url=f"unix://{path}")
        # One whose stack was killed a moment ago takes the socket with it when it ends.
        if not self._wait_redis(path, answering=False):
            raise StackError(f"Another Redis server listens on {path}; end it first.")
        self._start("redis", redis_command(path))
        if not self._wait_redis(path, answering=True):
            raise StackError(f"The Redis server does not start; see {self._logs / 'redis.log'}")

    def _wait_redis(self, path: Path, *, answering: bool) -> bool:
        until = time.monotonic() + REDIS_SECONDS
        while redis_answers(path) != answering:
            if time.monotonic() > until:
                return False
            self._news.wait(POLL_SECONDS)
        return True

    def _start(self, name: str, command: Sequence[str]) -> None:
        child = Child(
            name,
            command,
            environment(self.settings),
            self._logs / f"{name}.log",
            self._note_refusal,
        )
        self._children.append(child)
        child.start()

    def _end(self, names: Sequence[str]) -> None:
        children = [child for child in self._children if child.name in names]
        for child in children:
            child.end()
        until = time.monotonic() + GRACE_SECONDS
        for child in children:
            child.join(max(0.0, until - time.monotonic()))

    def _note_refusal(self, child: Child) -> None:
        self._refused = child
        self._news.set()

    def _set(self, **changes: object) -> None:
        self.settings = self.settings.model_copy(update=changes)


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _numbered(kind: str, count: int) -> dict[str, str]:
    """Name → kind: `fetch` alone, else `fetch-1`, `fetch-2`, …"""
    if count == 1:
        return {kind: kind}
    return {f"{kind}-{number}": kind for number in range(1, count + 1)}
