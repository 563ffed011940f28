"""`python -m bench.waiters HOST PORT COUNT JOB…`: clients that wait for jobs to change, for ever.

Each waits with `?wait=` for one of the jobs, from the version that it has seen, and asks again as
soon as it was answered. Ends when its standard input does, and says how often it was answered.
"""

import asyncio
import contextlib
import itertools
import re
import sys

WAIT_SECONDS = 20
ETAG = re.compile(rb"\r\netag: ([^\r]+)", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


async def wait_for_ever(
    host: str, port: int, job_id: str, answered: "itertools.count[int]"
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    seen = b'"none"'
    while True:
        writer.write(
            f"GET /v1/jobs/{job_id}?wait={WAIT_SECONDS} HTTP/1.1\r\nHost: {host}\r\n".encode()
            + b"If-None-Match: %s\r\n\r\n" % seen
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if length := LENGTH.search(head):
            await reader.readexactly(int(length[1]))
        if tag := ETAG.search(head):
            seen = tag[1]
        next(answered)


async def main(host: str, port: int, count: int, jobs: list[str]) -> int:
    """How many answers came until the standard input ended."""
    answered = itertools.count()
    waiters = [
        asyncio.ensure_future(wait_for_ever(host, port, job_id, answered))
        for job_id in itertools.islice(itertools.cycle(jobs), count)
    ]
    over = asyncio.ensure_future(asyncio.to_thread(sys.stdin.buffer.read))
    await asyncio.wait([over, *waiters], return_when=asyncio.FIRST_COMPLETED)
    if not over.done():
        for waiter in waiters:
            if waiter.done():
                await waiter  # raises what ended it
    for waiter in waiters:
        waiter.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*waiters)
    return next(answered)


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])))
