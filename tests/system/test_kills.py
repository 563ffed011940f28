"""kill -9 in the middle of a job: every image still ends exactly once, within a minute.

Each test proves that its fault struck. The processes are shared, since each death is followed
by the start of a successor anyway.
"""

import os
import signal
import time
from collections.abc import Iterator
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


def assert_all_ended_once(service: Service, job_id: str, urls: list[str]) -> None:
    """Every image ended within the promised time, and was counted once."""
    job = service.ended(job_id, RECOVERY_SECONDS)
    rows = service.rows(job_id)
    assert [row.url for row in rows] == urls
    assert {row.state for row in rows} == {"succeeded"}
    assert (job.succeeded, job.failed, job.canceled) == (len(urls), 0, 0)
    assert service.count(job_id, batches.c.state != BatchState.FINISHED) == 0


def kill(service: Service, name: str) -> int:
    """kill -9 of a process of the stack, and the pid of its successor."""
    pid = service.stack.processes[name]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return service.restarted(name, pid)


def test_a_caption_worker_is_killed(service: Service, pictures: Pictures) -> None:
    # Given a caption worker with batches in hand
    urls = pictures.good(IMAGES)
    job_id = service.submit(urls)
    held = wait_for(lambda: service.held_by("caption", Stage.CAPTION))

    # When
    kill(service, "caption")

    # Then what it held was recovered, and everything ends
    assert_all_ended_once(service, job_id, urls)
    assert service.count(job_id, batches.c.id.in_(held), batches.c.recoveries > 0) > 0
    assert service.total(job_id, batches.c.failures) == 0


def test_a_fetch_worker_is_killed(service: Service, closed_gate: Pictures) -> None:
    # Given a fetch worker that waits for pictures
    urls = closed_gate.good(IMAGES, "gated")
    job_id = service.submit(urls)
    held = wait_for(lambda: service.held_by("fetch", Stage.FETCH))

    # When it dies before a single one was answered
    kill(service, "fetch")
    closed_gate.gate.set()

    # Then
    assert_all_ended_once(service, job_id, urls)
    assert service.count(job_id, batches.c.id.in_(held), batches.c.recoveries > 0) == len(held)


def test_the_dispatcher_is_killed(service: Service, closed_gate: Pictures) -> None:
    # Given batches that only a dispatcher can hand out
    urls = closed_gate.good(IMAGES, "gated")
    job_id = service.submit(urls)
    wait_for(lambda: service.held_by("fetch", Stage.FETCH))
    assert service.count(job_id, batches.c.state == BatchState.QUEUED) > 0

    # When
    kill(service, "dispatch")
    closed_gate.gate.set()

    # Then
    assert_all_ended_once(service, job_id, urls)


def test_redis_is_killed_five_times(
    service: Service, redis: RedisServer, pictures: Pictures
) -> None:
    # Given a queue that is lost while all workers are idle
    outage(redis, seconds=0.2)

    # When it is lost four more times, each time once the workers have begun anew
    urls = pictures.good(3 * IMAGES)
    job_id = service.submit(urls)
    begun = 0
    for seconds in (0.5, 2.0, 4.0, 6.0):
        begun = wait_for(partial(more_begun, service, job_id, begun))
        assert service.count(job_id, batches.c.state != BatchState.FINISHED) > 0
        outage(redis, seconds)

    # Then
    assert_all_ended_once(service, job_id, urls)
    assert service.total(job_id, batches.c.attempt) > begun


def test_redis_forgets_everything(service: Service, redis: RedisServer, pictures: Pictures) -> None:
    # Given hints that wait while the caption worker is busy
    urls = pictures.good(IMAGES)
    job_id = service.submit(urls)
    wait_for(lambda: redis.hints("caption"))

    # When
    lost = redis.flush()

    # Then the hints were lost, and nothing else
    assert lost > 0
    assert_all_ended_once(service, job_id, urls)


def outage(redis: RedisServer, seconds: float) -> None:
    redis.kill()
    time.sleep(seconds)
    redis.start()


def more_begun(service: Service, job_id: str, than: int) -> int:
    """How often batches were begun in all, once that is more than it was."""
    begun = service.total(job_id, batches.c.attempt)
    return begun if begun > than else 0
