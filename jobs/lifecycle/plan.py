"""Who is next: a round over keys, within a key over its jobs. No I/O."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

#: When somebody was last served: earlier first; those never served before all others.
Turn = tuple[int, float]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job with batches that could be dispatched now; a turn is None before the first."""

    job: str
    key: str
    job_turn: float | None
    key_turn: float | None
    available: int


def plan_round(candidates: Sequence[Candidate], slots: int) -> list[str]:
    """The jobs that get the free slots, in order; a job may get several.

    Each slot goes to the key that was served longest ago, and there to the job
    that was served longest ago; both then go to the end of their line. A tie is
    won by the older identifier.
    """
    lines: dict[str, list[tuple[Turn, str, int]]] = {}
    keys: dict[str, Turn] = {}
    for candidate in candidates:
        line = lines.setdefault(candidate.key, [])
        line.append((_turn(candidate.job_turn), candidate.job, candidate.available))
        keys[candidate.key] = _turn(candidate.key_turn)
    for line in lines.values():
        heapq.heapify(line)
    waiting = [(turn, key) for key, turn in keys.items()]
    heapq.heapify(waiting)
    granted: list[str] = []
    while waiting and len(granted) < slots:
        _, key = heapq.heappop(waiting)
        back = (1, float(len(granted)))
        granted.append(_serve(lines[key], back))
        if lines[key]:
            heapq.heappush(waiting, (back, key))
    return granted


def _turn(served: float | None) -> Turn:
    return (0, 0.0 if served is None else served)


def _serve(line: list[tuple[Turn, str, int]], back: Turn) -> str:
    _, job, available = heapq.heappop(line)
    if available > 1:
        heapq.heappush(line, (back, job, available - 1))
    return job
