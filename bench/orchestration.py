"""How many images a second go through everything but the network.

`orchestration.with_decode`: real downloads and decoding, and a captioner that only names a
colour. `orchestration.bare`: without download and decode too: what API, SQL, Redis, dispatcher,
store, leases and batcher cost.
"""

from collections.abc import Iterator

from bench.measure import Measurement
from bench.rig import bench_settings, cpu_seconds, picture_server, run_job, urls_of
from cli.stack import Stack

WITH_DECODE = 2_000
BARE = 10_000
WITH_DECODE_GOAL = 150.0
BARE_GOAL = 1_500.0


def orchestration() -> Iterator[Measurement]:
    """`orchestration.with_decode` and `orchestration.bare`, images/s from POST to the end."""
    with picture_server() as server, bench_settings(checkpoint="scripted:") as settings:
        urls = urls_of(server, WITH_DECODE)
        yield _through("orchestration.with_decode", Stack(settings), urls, WITH_DECODE_GOAL)
    with bench_settings(checkpoint="scripted:") as settings:
        urls = urls_of("http://127.0.0.1", BARE)
        stack = Stack(settings, workers="bench.standins")
        yield _through("orchestration.bare", stack, urls, BARE_GOAL)


def _through(name: str, stack: Stack, urls: list[str], goal: float) -> Measurement:
    with stack:
        stack.wait_ready()
        before = _cpu(stack)
        job, seconds = run_job(stack, urls)
        after = _cpu(stack)
    spent = {part: round((after[part] - before[part]) / len(urls) * 1e3, 3) for part in after}
    detail = {
        "images": len(urls),
        "succeeded": job.succeeded,
        "seconds": round(seconds, 2),
        "cpu_ms_per_image": spent,
    }
    return Measurement(name, round(len(urls) / seconds, 1), goal, "images/s", detail=detail)


def _cpu(stack: Stack) -> dict[str, float]:
    return {name: cpu_seconds([pid]) for name, pid in stack.processes.items()}
