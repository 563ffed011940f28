"""kill -9 in the middle of a job: every image still ends exactly once, within a minute.

Each test proves that its fault struck. The processes are shared, since each death is followed
by the start of a successor anyway.
"""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from jobs.states import BatchState, Stage
from jobs.tables import batches
from tests.system.pictures import Pictures
from tests.system.redis_server import RedisServer, redis_server
from tests.system.service import QUICK, RECOVERY_SECONDS, Service, serving, settings_for, wait_for

IMAGES = 200
SLOW = "scripted:delay_ms=20"


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, redis: RedisServer) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("home")
    settings = settings_for(
        home, checkpoint=SLOW, redis_url=redis.url, batch_images=20, read_seconds=60, **QUICK
    )
    with serving(settings) as running:
        yield running


@pytest.fixture
def closed_gate(pictures: Pictures) -> Iterator[Pictures]:
    """Pictures that are only answered once the test opens the gate."""
    pictures.gate.clear()
    yield pictures
    pictures.gate.set()


def assert_all_ended_once(service: Service, job_id: str, urls: list[str], last_kill: float) -> None:
    """Every image ended within the promised time after the last kill, and was counted once."""
    job = service.ended(job_id, last_kill + RECOVERY_SECONDS - time.monotonic())
    rows = service.rows(job_id)
    assert [row.url for row in rows] == urls
    assert {row.state for row in rows} == {"succeeded"}
    assert (job.succeeded, job.failed, job.canceled) == (len(urls), 0, 0)
    assert service.count(job_id, batches.c.state != BatchState.FINISHED) == 0


@dataclass(frozen=True)
class Killed:
    """A process that is dead: when it died, and the batches that it had in hand."""

    at: float
    held: list[int]


def kill(service: Service, name: str, stage: Stage = Stage.FETCH) -> Killed:
    """kill -9 of a process of the stack; returns once it is dead and another is in its place."""
    pid = service.stack.processes[name]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    at = time.monotonic()
    wait_for(lambda: service.stack.processes[name] != pid)
    held = service.held_by(pid, stage)
    assert service.restarted(name, pid) != pid
    return Killed(at, held)


def test_a_caption_worker_is_killed(service: Service, pictures: Pictures) -> None:
    # Given a caption worker with batches in hand
    urls = pictures.good(IMAGES)
    job_id = service.submit(urls)
    wait_for(lambda: service.holds("caption", Stage.CAPTION))

    # When
    killed = kill(service, "caption", Stage.CAPTION)

    # Then what it held was recovered, and everything ends
    assert killed.held
    assert_all_ended_once(service, job_id, urls, killed.at)
    assert recovered(service, job_id, killed) == len(killed.held)
    assert service.total(job_id, batches.c.failures) == 0


def test_a_fetch_worker_is_killed(service: Service, closed_gate: Pictures) -> None:
    # Given a fetch worker that waits for pictures
    urls = closed_gate.good(IMAGES, "gated")
    job_id = service.submit(urls)
    wait_for(lambda: service.holds("fetch", Stage.FETCH))

    # When it dies before a single one was answered
    killed = kill(service, "fetch")
    closed_gate.gate.set()

    # Then
    assert killed.held
    assert_all_ended_once(service, job_id, urls, killed.at)
    assert recovered(service, job_id, killed) == len(killed.held)


def test_the_dispatcher_is_killed(service: Service, closed_gate: Pictures) -> None:
    # Given batches that only a dispatcher can hand out
    urls = closed_gate.good(IMAGES, "gated")
    job_id = service.submit(urls)
    wait_for(lambda: service.holds("fetch", Stage.FETCH))
    assert service.count(job_id, batches.c.state == BatchState.QUEUED) > 0

    # When
    killed = kill(service, "dispatch")
    closed_gate.gate.set()

    # Then
    assert_all_ended_once(service, job_id, urls, killed.at)


def test_redis_is_killed_five_times(
    service: Service, redis: RedisServer, closed_gate: Pictures
) -> None:
    # Given a queue that was lost while all workers were idle
    outage(redis, seconds=0.2)

    # When it is lost in a job whose pictures are not there yet, one stage at work and one idle
    urls = closed_gate.good(3 * IMAGES, "gated")
    job_id = service.submit(urls)
    wait_for(lambda: service.holds("fetch", Stage.FETCH))
    assert not service.holds("caption", Stage.CAPTION)
    outage(redis, seconds=0.2)
    closed_gate.gate.set()

    # And four more times, each time once the workers have begun anew and have batches in hand
    begun = 0
    for seconds in (0.5, 2.0, 4.0, 6.0):
        begun = wait_for(partial(more_begun, service, job_id, begun))
        wait_for(lambda: service.holds("caption", Stage.CAPTION))
        assert service.count(job_id, batches.c.state != BatchState.FINISHED) > 0
        last_kill = outage(redis, seconds)

    # Then
    assert_all_ended_once(service, job_id, urls, last_kill)
    assert service.total(job_id, batches.c.attempt) > begun


def test_redis_forgets_everything(service: Service, redis: RedisServer, pictures: Pictures) -> None:
    # Given hints that wait while the caption worker is busy
    urls = pictures.good(IMAGES)
    job_id = service.submit(urls)
    wait_for(lambda: redis.hints("caption"))

    # When
    lost, at = redis.flush(), time.monotonic()

    # Then the hints were lost, and nothing else
    assert lost > 0
    assert_all_ended_once(service, job_id, urls, at)


def outage(redis: RedisServer, seconds: float) -> float:
    """The server dies, with all that it held, and comes back empty; when it died."""
    redis.kill()
    at = time.monotonic()
    time.sleep(seconds)
    redis.start()
    return at


def recovered(service: Service, job_id: str, killed: Killed) -> int:
    """How many of the batches that the dead process held were taken from it."""
    return service.count(job_id, batches.c.id.in_(killed.held), batches.c.recoveries > 0)


def more_begun(service: Service, job_id: str, than: int) -> int:
    """How often batches were begun in all, once that is more than it was."""
    begun = service.total(job_id, batches.c.attempt)
    return begun if begun > than else 0
