"""The pool: a child that crashes or hangs costs one picture, one that idles costs none."""

import asyncio
import io
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from worker.decoder import process
from worker.decoder.pool import DecoderPool
from worker.decoder.process import ChildLost, DecoderProcess, Limits
from worker.decoder.wire import ANSWER, CODES, MAX_JPEG_BYTES
from worker.errors import DecoderBroken, ImageRefused


def jpeg(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def with_pool(
    story: Callable[[DecoderPool], Awaitable[None]], limits: Limits | None = None
) -> None:
    async def run() -> None:
        pool = DecoderPool(limits or Limits(), processes=1)
        try:
            await story(pool)
        finally:
            await pool.close()

    asyncio.run(run())


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_costs_one_picture_and_its_neighbours_are_decoded(death: signal.Signals) -> None:
    async def story(pool: DecoderPool) -> None:
        # Given a process that will die over the next picture
        await pool.decode(jpeg())
        (child,) = pool.idle
        os.kill(child.pid, signal.SIGSTOP)
        first, second = (asyncio.ensure_future(pool.decode(jpeg())) for _ in range(2))
        while pool.idle:
            await asyncio.sleep(0)
        # When it dies
        os.kill(child.pid, death)
        os.kill(child.pid, signal.SIGCONT)
        # Then that picture has its code, and the next one a new process
        with pytest.raises(ImageRefused) as refused:
            await first
        assert refused.value.code == "decoder_crashed"
        assert (await second).width == 40
        assert pool.idle[0].pid != child.pid

    with_pool(story)


def test_a_child_that_hangs_is_killed() -> None:
    async def story(pool: DecoderPool) -> None:
        await pool.decode(jpeg())
        (child,) = pool.idle
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(ImageRefused) as refused:
            await pool.decode(jpeg())
        assert refused.value.code == "decoder_timeout"
        assert "1 s" in refused.value.message
        assert not child.alive

    with_pool(story, Limits(picture_seconds=1))


def test_a_child_that_dies_idle_costs_no_picture() -> None:
    async def story(pool: DecoderPool) -> None:
        await pool.decode(jpeg())
        (child,) = pool.idle
        os.kill(child.pid, signal.SIGKILL)
        with suppress(ChildProcessError):  # asyncio may have taken leave of it already
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert (await pool.decode(jpeg())).width == 40

    with_pool(story)


def test_a_child_that_has_worked_enough_is_replaced() -> None:
    async def story(pool: DecoderPool) -> None:
        await pool.decode(jpeg())
        assert pool.idle == []
        assert (await pool.decode(jpeg())).width == 40

    with_pool(story, Limits(cpu_seconds=0, picture_seconds=20))


def test_a_picture_that_needs_more_memory_than_allowed_is_refused() -> None:
    large = io.BytesIO()
    Image.new("1", (9900, 9900)).save(large, "PNG", compress_level=1)

    async def story(pool: DecoderPool) -> None:
        with pytest.raises(ImageRefused) as refused:
            await pool.decode(large.getvalue())
        assert refused.value.code == "too_many_pixels"
        assert "250 MiB" in refused.value.message
        assert (await pool.decode(jpeg())).width == 40

    with_pool(story, Limits(memory_mb=250))


def test_a_task_that_is_canceled_leaves_no_busy_process_behind() -> None:
    async def story(pool: DecoderPool) -> None:
        await pool.decode(jpeg())
        (child,) = pool.idle
        os.kill(child.pid, signal.SIGSTOP)
        task = asyncio.ensure_future(pool.decode(jpeg()))
        while pool.idle:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not child.alive
        assert (await pool.decode(jpeg())).width == 40

    with_pool(story)


def test_a_child_that_cannot_work_is_an_error_of_ours_and_of_no_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "PROJECT", tmp_path)

    async def story(pool: DecoderPool) -> None:
        with pytest.raises(DecoderBroken):
            await pool.decode(jpeg())

    with_pool(story)


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER.pack(len(CODES), 0, 0, 0.0, 0),
        ANSWER.pack(0, 1, 1, 0.0, MAX_JPEG_BYTES + 1),
        ANSWER.pack(0, 1, 1, 0.0, 4) + b"<svg",
    ],
)
def test_a_child_is_not_believed_what_no_decoder_answers(answer: bytes) -> None:
    async def story() -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        stranger = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
        child = DecoderProcess(stranger, ours, Limits())
        with theirs:
            theirs.sendall(answer)
            with pytest.raises(ChildLost):
                await child.decode(jpeg())
        await child.kill()

    asyncio.run(story())


@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd")
def test_decoder_processes_end_with_their_parent() -> None:
    # Given a parent with a decoder process that is too busy to see its socket closed
    script = (
        "import asyncio, os, signal\n"
        "from worker.decoder.process import DecoderProcess, Limits\n"
        "async def main():\n"
        "    child = await DecoderProcess.start(Limits())\n"
        "    os.kill(child.pid, signal.SIGSTOP)\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        # When the parent is killed
        parent.kill()
        # Then so is the child
        assert select.select([child], [], [], 30)[0] == [child]
        os.close(child)
