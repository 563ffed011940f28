"""A clean stop costs nothing, a second stack in the same home is refused, and none is left over."""

import os
import signal
from pathlib import Path

import pytest

from cli.stack import Stack
from cli.stack.errors import HomeInUse, PortInUse, ProcessRefused
from jobs.states import BatchState, Stage
from jobs.tables import batches
from tests.system.pictures import Pictures
from tests.system.service import serving, settings_for, wait_for

IMAGES = 100


def test_a_clean_stop_gives_back_what_is_held_and_a_new_start_goes_on(
    tmp_path: Path, pictures: Pictures
) -> None:
    # Given workers of both stages with batches in hand
    pictures.gate.clear()
    urls = pictures.good(IMAGES // 2) + pictures.good(IMAGES // 2, "gated")
    settings = settings_for(
        tmp_path, checkpoint="scripted:delay_ms=100", batch_images=10, read_seconds=60
    )
    with serving(settings) as service:
        job_id = service.submit(urls)
        wait_for(lambda: service.holds("caption", Stage.CAPTION))
        wait_for(lambda: service.holds("fetch", Stage.FETCH))
        pids = [pid for pid in service.stack.processes.values() if pid]
        with pytest.raises(HomeInUse, match=str(os.getpid())):
            Stack(settings).start()

        # When the stack is stopped
        service.stack.stop()

        # Then nothing runs, no batch is held and none was charged
        assert not [pid for pid in pids if is_alive(pid)]
        assert service.count(job_id, batches.c.state == BatchState.RUNNING) == 0
        assert service.total(job_id, batches.c.failures) == 0
        assert service.total(job_id, batches.c.recoveries) == 0
        assert service.count(job_id, batches.c.state != BatchState.FINISHED) > 0

    # When another stack starts in the same home
    pictures.gate.set()
    with serving(settings) as service:
        job = service.ended(job_id)

        # Then it goes on where the first one stopped
        assert (job.succeeded, job.failed) == (IMAGES, 0)
        assert service.total(job_id, batches.c.failures) == 0


def test_a_checkpoint_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, checkpoint=str(tmp_path / "nothing"))

    with Stack(settings) as stack, pytest.raises(ProcessRefused, match="nothing"):
        stack.wait_ready(60)


def test_a_port_in_use_is_a_sentence(tmp_path: Path, pictures: Pictures) -> None:
    port = int(pictures.url.rpartition(":")[2])

    with pytest.raises(PortInUse, match=str(port)):
        Stack(settings_for(tmp_path).model_copy(update={"api_port": port})).start()


def test_a_killed_redis_of_the_stack_is_started_again(tmp_path: Path, pictures: Pictures) -> None:
    # Given the stack's own Redis server
    with serving(settings_for(tmp_path)) as service:
        pid = service.stack.processes["redis"]
        assert pid is not None

        # When
        os.kill(pid, signal.SIGKILL)

        # Then another one takes its place, and jobs end
        assert service.restarted("redis", pid) != pid
        urls = pictures.good(10)
        assert service.ended(service.submit(urls)).succeeded == len(urls)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
