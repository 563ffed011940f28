"""A stack on PostgreSQL and Redis for the benches of the service, and a client that only polls."""

import contextlib
import math
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.rig import bench_settings
from cli.stack import Stack
from jobs.settings import Settings
from tests.services import postgres_server, redis_server


@contextlib.contextmanager
def served_settings(**chosen: Any) -> Iterator[Settings]:
    """Settings of a stack on services of its own; the database is migrated by whoever needs it.

    PostgreSQL runs with its own defaults: a commit is on the disk when it returns.
    """
    with (
        postgres_server(durable=True) as postgres,
        postgres.database(migrated=False) as database_url,
        redis_server() as redis_url,
        bench_settings(
            database_url=database_url,
            redis_url=redis_url,
            secret="no secret at all, but long enough for one",
            **chosen,
        ) as settings,
    ):
        yield settings


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Stack]:
    """The stack with stand-in workers, once it is ready."""
    with Stack(settings, workers="bench.standins") as stack:
        stack.wait_ready()
        yield stack


class Poller:
    """One connection that is kept, and as little of a client as can be."""

    def __init__(self, stack: Stack) -> None:
        host, port = stack.settings.api_host, stack.settings.api_port
        self._socket = socket.create_connection((host, port))
        self._answers = self._socket.makefile("rb")
        self._host = host.encode()

    def poll(self, job_id: str) -> float:
        """Seconds until `GET /v1/jobs/{id}` was answered. Raises RuntimeError unless by 200."""
        request = b"GET /v1/jobs/%s HTTP/1.1\r\nHost: %s\r\n\r\n" % (job_id.encode(), self._host)
        begun = time.perf_counter()
        self._socket.sendall(request)
        status, length = self._answers.readline(), 0
        while (line := self._answers.readline()).strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        self._answers.read(length)
        seconds = time.perf_counter() - begun
        if b" 200 " not in status:
            raise RuntimeError(f"GET /v1/jobs/{job_id} was answered {status.decode().strip()}")
        return seconds

    def close(self) -> None:
        self._answers.close()
        self._socket.close()


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of the values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def peak_megabytes(pid: int) -> dict[str, float]:
    """VmHWM of the process and of each process below it, by pid, in MB of 10⁶ bytes."""
    found = {}
    for each in [pid, *_descendants(pid)]:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{each}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    found[str(each)] = round(int(line.split()[1]) * 1024 / 1e6, 1)
    return found


def _descendants(pid: int) -> list[int]:
    # A child is listed under the thread that started it.
    lists = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    children = [int(child) for listed in lists for child in listed]
    return [below for child in children for below in (child, *_descendants(child))]
