"""A million URLs in one request, while another job runs, is polled, and slow clients trickle.

`ingest.urls_per_second`: from the first byte to the 202. `ingest.peak_memory_mb`: the most that
the API's processes had, its loader included. `ingest.finish_p99_ms`: the transaction that ends a
batch of the other job, as its worker timed it meanwhile. `ingest.trickle`: p99 of that job's
polls meanwhile, with more clients sending a line at a time than the API has threads for bodies.
"""

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from bench.measure import Measurement
from bench.rig import urls_of
from bench.served import Poller, peak_megabytes, percentile, served_settings, serving
from cli.stack import Stack
from jobs.database import Database
from jobs.ingest import ingest as load_job
from jobs.values import NewImage, Options

URLS = 1_000_000
LINES_AT_ONCE = 2_000
OTHER_JOB = 60_000
OTHER_SPEED = "scripted:delay_ms=1.25"
TRICKLERS = 8
TRICKLE_SECONDS = 0.5
POLL_SECONDS = 0.02

RATE_GOAL = 20_000.0
MEMORY_GOAL = 300.0
FINISH_GOAL = 200.0
POLL_GOAL = 200.0

FINISHED = re.compile(r"(\S+)Z INFO caption batch_captioned .*finish_ms=(\S+)")


def ingest() -> Iterator[Measurement]:
    """`ingest.urls_per_second`, `.peak_memory_mb`, `.finish_p99_ms` and `.trickle`."""
    body = _body(URLS)
    with served_settings(checkpoint=OTHER_SPEED) as settings, serving(settings) as stack:
        other = _start_other_job(stack)
        begun_at = time.time()
        with _Beside(stack, other) as beside:
            seconds = _send(stack, body)
        finishes = _finishes(stack, begun_at, time.time())
        peaks = peak_megabytes(stack.processes["api"] or 0)
    size = sum(map(len, body))
    rate = {"seconds": round(seconds, 2), "megabytes": round(size / 1e6, 1)}
    yield _figure("urls_per_second", URLS / seconds, RATE_GOAL, "URLs/s", rate, more=True)
    memory = {"processes": peaks}
    yield _figure("peak_memory_mb", sum(peaks.values()), MEMORY_GOAL, "MB", memory)
    yield _figure("finish_p99_ms", percentile(finishes, 99), FINISH_GOAL, "ms", _spread(finishes))
    polls = [seconds * 1e3 for seconds in beside.polls]
    clients = {"tricklers": TRICKLERS, "trickled_lines": beside.trickled}
    yield _figure("trickle", percentile(polls, 99), POLL_GOAL, "ms", _spread(polls) | clients)


def _figure(
    name: str, figure: float, goal: float, unit: str, detail: dict[str, Any], more: bool = False
) -> Measurement:
    return Measurement(f"ingest.{name}", round(figure, 1), goal, unit, more, detail)


def _spread(values: list[float]) -> dict[str, Any]:
    return {
        "measured": len(values),
        "median": round(percentile(values, 50), 1),
        "largest": round(max(values), 1),
    }


def _body(count: int) -> list[bytes]:
    """NDJSON in pieces, made beforehand: the client's CPU time is nobody's."""
    lines = [
        b'{"url": "https://pictures.example.org/library/%07d/photograph.jpg"}\n' % number
        for number in range(count)
    ]
    return [b"".join(lines[at : at + LINES_AT_ONCE]) for at in range(0, count, LINES_AT_ONCE)]


def _start_other_job(stack: Stack) -> str:
    """A job that runs longer than the ingest; its id, once its first batch has ended."""
    db = Database(stack.settings.database_url)
    images = (NewImage(url) for url in urls_of("http://127.0.0.1", OTHER_JOB))
    job = load_job(db, images, Options(), batch_images=stack.settings.batch_images)
    db.close()
    while not _log(stack):
        time.sleep(0.1)
    return job.id


def _send(stack: Stack, body: list[bytes]) -> float:
    """Seconds from the first byte of a chunked request to its 202."""
    connection = http.client.HTTPConnection(stack.settings.api_host, stack.settings.api_port)
    headers = {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"}
    begun = time.perf_counter()
    connection.request("POST", "/v1/jobs", iter(body), headers, encode_chunked=True)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    seconds = time.perf_counter() - begun
    connection.close()
    if answer.status != 202 or told["counts"]["total"] != URLS:
        raise RuntimeError(f"the stream was answered {answer.status}: {told}")
    return seconds


def _log(stack: Stack) -> list[tuple[str, str]]:
    return FINISHED.findall((stack.settings.home / "logs" / "caption.log").read_text())


def _finishes(stack: Stack, after: float, before: float) -> list[float]:
    """Milliseconds of each finish between two moments, by the log of the caption worker."""
    return [
        float(milliseconds)
        for moment, milliseconds in _log(stack)
        if after <= datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() <= before
    ]


class _Beside:
    """What goes on meanwhile: polls of another job, and clients that trickle."""

    def __init__(self, stack: Stack, job_id: str) -> None:
        self._address = (stack.settings.api_host, stack.settings.api_port)
        self._poller = Poller(stack)
        self._job_id = job_id
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._poll)]
        self._threads += [threading.Thread(target=self._trickle) for _ in range(TRICKLERS)]
        self.polls: list[float] = []
        self.trickled = 0

    def __enter__(self) -> "_Beside":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _poll(self) -> None:
        self._until_over(POLL_SECONDS, lambda: self.polls.append(self._poller.poll(self._job_id)))
        self._poller.close()

    def _trickle(self) -> None:
        line = b'{"url": "https://slow.example.org/1.jpg"}\n'
        with socket.create_connection(self._address) as connection:
            connection.sendall(
                b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n"
                b"Content-Type: application/x-ndjson\r\n\r\n"
            )

            def send() -> None:
                connection.sendall(line)
                self.trickled += 1

            try:
                self._until_over(TRICKLE_SECONDS, send)
            except OSError:
                return  # given up by the server after its grace, as it should be

    def _until_over(self, pause: float, act: Callable[[], object]) -> None:
        while not self._over.wait(pause):
            act()
