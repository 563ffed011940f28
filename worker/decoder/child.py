"""The decoder process: reads files from its one socket, answers with small pictures.

Started as `python -I -S` with an empty environment; see `worker.decoder.process`.
"""

import json
import os
import socket
import sys
import time
import warnings

from worker.decoder import readers, sandbox
from worker.decoder.picture import prepare
from worker.decoder.wire import ANSWER, CODES, LENGTH
from worker.errors import PictureUnreadable

STDIN = 0


def main() -> None:
    """argv: max_pixels, memory_mb, cpu_seconds, the parent's process id."""
    max_pixels, memory_mb, cpu_seconds, parent = map(int, sys.argv[1:5])
    warnings.simplefilter("ignore")  # what Pillow has to say about foreign files helps nobody
    with socket.socket(fileno=STDIN) as channel:
        try:
            readers.load()
            applied, error = sandbox.confine(memory_mb, cpu_seconds, parent), None
        except Exception as failure:  # noqa: BLE001  whatever it is, the parent must hear of it
            applied, error = [], f"{type(failure).__name__}: {failure}"
        _say_hello(channel, applied, error)
        if error is None:
            _serve(channel, max_pixels)


def _say_hello(channel: socket.socket, applied: list[str], error: str | None) -> None:
    hello = json.dumps({"sandbox": applied, "error": error}).encode()
    channel.sendall(LENGTH.pack(len(hello)) + hello)


def _serve(channel: socket.socket, max_pixels: int) -> None:
    """Answer until the parent closes its end."""
    while header := _receive(channel, LENGTH.size):
        (length,) = LENGTH.unpack(header)
        data = _receive(channel, length)
        try:
            picture = prepare(data, max_pixels)
            code, width, height, jpeg = 0, picture.width, picture.height, picture.jpeg
        except PictureUnreadable as error:
            code, width, height, jpeg = CODES.index(error.code), 0, 0, b""
        answer = ANSWER.pack(code, width, height, time.process_time(), len(jpeg))
        channel.sendall(answer + jpeg)


def _receive(channel: socket.socket, length: int) -> bytearray:
    """Exactly `length` bytes; none when the parent is gone."""
    data = bytearray(length)
    view, got = memoryview(data), 0
    while got < length:
        count = channel.recv_into(view[got:])
        if not count:
            return bytearray()
        got += count
    return data


if __name__ == "__main__":
    main()
    os._exit(0)  # nothing to clean up, and clean-up would need calls that are refused by now
