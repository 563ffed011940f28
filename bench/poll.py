"""How fast `GET /v1/jobs/{id}` is answered while captioning runs and others wait.

`poll.p99_ms`: of polls one after the other on a kept connection, beside 200 clients that wait
with `?wait=` for the same running jobs and ask again whenever they were answered.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.measure import Measurement
from bench.rig import cpu_seconds, urls_of
from bench.served import Poller, percentile, served_settings, serving
from cli.stack import Stack
from jobs.database import Database
from jobs.ingest import ingest
from jobs.values import NewImage, Options

CAPTIONER = "scripted:delay_ms=10"
JOBS = 20
IMAGES = 2_000
WAITERS = 200
# All of the waiting clients come at once, and each is answered at once at first.
SETTLE_SECONDS = 5
POLLS = 4_000
POLL_SECONDS = 0.01
GOAL = 10.0


def poll() -> Iterator[Measurement]:
    """`poll.p99_ms`."""
    with served_settings(checkpoint=CAPTIONER) as settings, serving(settings) as stack:
        jobs = _start_jobs(stack)
        api = stack.processes["api"]
        with _waiting(stack, jobs) as waiters:
            time.sleep(SETTLE_SECONDS)
            before = cpu_seconds([api])
            begun = time.monotonic()
            polls = _poll(stack, jobs)
            seconds = time.monotonic() - begun
            spent = cpu_seconds([api]) - before
    milliseconds = [each * 1e3 for each in polls]
    detail = {
        "polls": len(polls),
        "median_ms": round(percentile(milliseconds, 50), 2),
        "p95_ms": round(percentile(milliseconds, 95), 2),
        "largest_ms": round(max(milliseconds), 2),
        "waiters": WAITERS,
        "jobs": JOBS,
        "waits_answered_per_second": round(waiters.answered / seconds, 1),
        "api_cpu_share": round(spent / seconds, 3),
    }
    figure = round(percentile(milliseconds, 99), 2)
    yield Measurement("poll.p99_ms", figure, GOAL, "ms", higher_is_better=False, detail=detail)


def _start_jobs(stack: Stack) -> list[str]:
    """Jobs that run longer than the polls, all of them begun."""
    db = Database(stack.settings.database_url)
    size = stack.settings.batch_images
    ids = []
    for job in range(JOBS):
        images = (NewImage(url) for url in urls_of(f"http://127.0.0.1/{job}", IMAGES))
        ids.append(ingest(db, images, Options(), batch_images=size).id)
    db.close()
    return ids


def _poll(stack: Stack, jobs: list[str]) -> list[float]:
    poller = Poller(stack)
    polls = []
    for number in range(POLLS):
        time.sleep(POLL_SECONDS)
        polls.append(poller.poll(jobs[number % len(jobs)]))
    poller.close()
    return polls


@dataclass
class _Waiters:
    answered: int = 0


@contextlib.contextmanager
def _waiting(stack: Stack, jobs: list[str]) -> Iterator[_Waiters]:
    """200 waiting clients, in a process of their own."""
    found = _Waiters()
    address = [stack.settings.api_host, str(stack.settings.api_port)]
    with subprocess.Popen(
        [sys.executable, "-m", "bench.waiters", *address, str(WAITERS), *jobs],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield found
        told, _ = process.communicate()
        if process.returncode:
            raise RuntimeError("the waiting clients were not answered")
        found.answered = int(told)
