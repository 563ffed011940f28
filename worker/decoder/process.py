"""One decoder process, seen from its parent: started, asked, killed."""

import asyncio
import contextlib
import importlib.util
import json
import math
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.settings import Settings
from worker.decoder.wire import (
    ANSWER,
    CODES,
    JPEG_START,
    LENGTH,
    MAX_HELLO_BYTES,
    MAX_JPEG_BYTES,
)
from worker.errors import DecoderBroken, PictureUnreadable

START_SECONDS = 60.0
END_SECONDS = 2.0
SOCKET_BUFFER_BYTES = 512 * 1024
"""Most pictures then cross in one call each way (the system may grant less)."""

BOOTSTRAP = (
    "import sys; sys.path += sys.argv.pop().split('\\n'); "
    "import runpy; runpy.run_module('worker.decoder.child', run_name='__main__', alter_sys=False)"
)
PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("PIL", "pillow_heif")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a decoder process may use.

    cpu_seconds: over its whole life, after which it is replaced; `picture_seconds` is added to
    it as the hard limit, so that the system ends a child whose parent cannot.
    """

    max_pixels: int = 100_000_000
    memory_mb: int = 1024
    picture_seconds: float = 10.0
    cpu_seconds: int = 300

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            max_pixels=settings.max_pixels,
            memory_mb=settings.decode_memory_mb,
            picture_seconds=settings.decode_seconds,
        )


@dataclass(frozen=True, slots=True)
class Decoded:
    """jpeg: short side at most 256. width, height: of the original, upright."""

    jpeg: bytes
    width: int
    height: int


class ChildLost(Exception):
    """The child died over a picture, or answered what no child of ours would."""


class ChildGone(Exception):
    """The child was dead before it had the whole picture: no picture's fault."""


class DecoderProcess:
    """A child that decodes one picture at a time. Made by `start`."""

    def __init__(
        self, process: asyncio.subprocess.Process, channel: socket.socket, limits: Limits
    ) -> None:
        self._process = process
        self._channel = channel
        self._limits = limits
        self.cpu_seconds = 0.0
        self.pictures = 0
        self.sandbox: frozenset[str] = frozenset()

    @classmethod
    async def start(cls, limits: Limits) -> "DecoderProcess":
        """Start a child and wait until it has confined itself.

        The thread that calls this must outlive the child: Linux ties the child's life to it.

        Raises:
            DecoderBroken: the child does not start; the message says why.
        """
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        ours.setblocking(False)
        try:
            process = await _spawn(theirs, limits)
        except OSError as error:
            ours.close()
            raise DecoderBroken(f"a decoder process cannot be started: {error}") from error
        finally:
            theirs.close()
        child = cls(process, ours, limits)
        try:
            await child._greet()
        except BaseException:
            await child.kill()
            raise
        return child

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    @property
    def worn(self) -> bool:
        """Whether its CPU time is used up."""
        return self.cpu_seconds >= self._limits.cpu_seconds

    async def decode(self, data: bytes | bytearray) -> Decoded:
        """The picture in `data`.

        Raises:
            PictureUnreadable: the child refused it.
            TimeoutError: it took longer than the limits say.
            ChildLost, ChildGone: the child is dead, or broken.

        After the last three, the child is of no use any more.
        """
        async with asyncio.timeout(self._limits.picture_seconds):
            await self._hand_over(data)
            return await self._answer()

    async def close(self) -> None:
        """Let it end by itself, and kill it when it does not."""
        self._channel.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), END_SECONDS)
        await self.kill()

    async def kill(self) -> None:
        self._channel.close()
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()

    async def _greet(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                hello = await self._read_hello()
        except (OSError, ChildLost, ValueError) as error:
            raise DecoderBroken(f"a decoder process does not answer: {error!r}") from error
        if hello["error"]:
            raise DecoderBroken(f"a decoder process cannot work: {hello['error']}")
        self.sandbox = frozenset(hello["sandbox"])

    async def _read_hello(self) -> dict[str, Any]:
        (length,) = LENGTH.unpack(await self._receive(LENGTH.size))
        if length > MAX_HELLO_BYTES:
            raise ChildLost(f"a greeting of {length} bytes")
        hello: dict[str, Any] = json.loads(await self._receive(length))
        return hello

    async def _hand_over(self, data: bytes | bytearray) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._channel, LENGTH.pack(len(data)))
            await loop.sock_sendall(self._channel, data)
        except ConnectionError as error:
            raise ChildGone from error

    async def _answer(self) -> Decoded:
        answer = ANSWER.unpack(await self._receive(ANSWER.size))
        number, width, height, self.cpu_seconds, length = answer
        if number >= len(CODES) or length > MAX_JPEG_BYTES:
            raise ChildLost(f"an answer numbered {number} of {length} bytes")
        jpeg = bytes(await self._receive(length))
        self.pictures += 1
        if number:
            raise PictureUnreadable(CODES[number])
        if not jpeg.startswith(JPEG_START):
            raise ChildLost("an answer that is no JPEG")
        return Decoded(jpeg, width, height)

    async def _receive(self, length: int) -> bytearray:
        data = bytearray(length)
        view, got = memoryview(data), 0
        loop = asyncio.get_running_loop()
        while got < length:
            try:
                count = await loop.sock_recv_into(self._channel, view[got:])
            except ConnectionError as error:
                raise ChildLost from error
            if not count:
                raise ChildLost("the child is gone")
            got += count
        return data


async def _spawn(channel: socket.socket, limits: Limits) -> asyncio.subprocess.Process:
    """-I -S: no user site, no variables, no .pth files; the two paths it needs come by argument."""
    hard_cpu_seconds = limits.cpu_seconds + math.ceil(limits.picture_seconds)
    arguments = [limits.max_pixels, limits.memory_mb, hard_cpu_seconds, os.getpid()]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        "-B",
        "-c",
        BOOTSTRAP,
        *map(str, arguments),
        "\n".join(_paths()),
        stdin=channel.fileno(),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    )


def _paths() -> list[str]:
    """The folders that hold this project and Pillow, which is not imported here."""
    paths = [str(PROJECT)]
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise DecoderBroken(f"{name} is not installed")
        paths.append(str(Path(spec.origin).parents[1]))
    return list(dict.fromkeys(paths))
