"""As many decoder processes as CPUs, replaced when they crash, hang or wear out."""

import asyncio
import os

from jobs.logs import Log
from worker.decoder.process import ChildGone, ChildLost, Decoded, DecoderProcess, Limits
from worker.decoder.sandbox import PROTECTIONS
from worker.errors import DecoderBroken, ImageRefused, PictureUnreadable

PICTURES_PER_PROCESS = 5000
"""What a hostile picture may have left behind in a process goes away with it."""
HANDOVERS = 4
"""How many processes may be found dead before one takes a picture."""

log = Log("decoder")


class DecoderPool:
    """Decodes pictures side by side. Belongs to one event loop; processes start when needed."""

    def __init__(self, limits: Limits, processes: int = 0) -> None:
        """processes: 0 means one for each CPU that this process may use."""
        self._limits = limits
        self._free = asyncio.Semaphore(processes or available_cpus())
        self._idle: list[DecoderProcess] = []
        self._warned = False

    @property
    def idle(self) -> list[DecoderProcess]:
        """The processes that wait for a picture, the next one last."""
        return list(self._idle)

    async def decode(self, data: bytes | bytearray) -> Decoded:
        """The picture in `data`, small and upright.

        Raises:
            ImageRefused: with one of the decoder's codes; a crash costs this picture alone.
            DecoderBroken: no process can be started.
        """
        async with self._free:
            for _ in range(HANDOVERS):
                child = await self._take()
                try:
                    return await self._decode_with(child, data)
                except ChildGone:
                    log.warning("decoder_gone", pid=child.pid)
            raise DecoderBroken("decoder processes die before they are asked anything")

    async def close(self) -> None:
        """End every idle process; those at work belong to tasks that the caller has ended."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(child.close() for child in idle))

    async def _decode_with(self, child: DecoderProcess, data: bytes | bytearray) -> Decoded:
        usable = False
        try:
            decoded = await child.decode(data)
            usable = True
            return decoded
        except PictureUnreadable as error:
            usable = True
            raise ImageRefused(error.code, self._sentence(error.code)) from error
        except TimeoutError as error:
            raise ImageRefused("decoder_timeout", self._sentence("decoder_timeout")) from error
        except ChildLost as error:
            raise ImageRefused("decoder_crashed") from error
        finally:
            await (self._put(child) if usable else child.kill())

    async def _take(self) -> DecoderProcess:
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            await child.kill()
        child = await DecoderProcess.start(self._limits)
        self._warn_once(child)
        return child

    async def _put(self, child: DecoderProcess) -> None:
        if child.worn or child.pictures >= PICTURES_PER_PROCESS:
            await child.close()
        else:
            self._idle.append(child)

    def _warn_once(self, child: DecoderProcess) -> None:
        missing = [name for name in PROTECTIONS if name not in child.sandbox]
        if missing and not self._warned:
            self._warned = True
            log.warning("sandbox_incomplete", missing=",".join(missing))

    def _sentence(self, code: str) -> str | None:
        """A sentence with the figure that was exceeded; None where the code's own will do."""
        match code:
            case "too_many_pixels":
                return (
                    f"The picture has more than {self._limits.max_pixels:,} pixels, "
                    f"or needs more than {self._limits.memory_mb:,} MiB to decode."
                )
            case "decoder_timeout":
                return f"Decoding the picture took over {self._limits.picture_seconds:g} s."
            case _:
                return None


def available_cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
