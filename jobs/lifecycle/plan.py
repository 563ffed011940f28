"""Who is next: a round over keys, within a key over its jobs. No I/O."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

#: Whose turn comes first: never served (few images before many), served longest ago, served in
#: this round.
Turn = tuple[int, float]
NEVER, BEFORE, NOW = range(3)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job with batches that could be dispatched now; a turn is None before the first.

    available: of its batches; images: of the whole job.
    """

    job: str
    key: str
    job_turn: float | None
    key_turn: float | None
    available: int
    images: int


def plan_round(candidates: Sequence[Candidate], slots: int) -> list[str]:
    """The jobs that get the free slots, in order; a job may get several.

    Each slot goes to the key that was served longest ago, and there to the job
    that was served longest ago; both then go to the end of their line. Of those
    that were never served the one with the fewest images comes first: one image
    need not wait for the first batches of two hundred large jobs. A tie is won by
    the older identifier.
    """
    lines: dict[str, list[tuple[Turn, str, int]]] = {}
    keys: dict[str, Turn] = {}
    for candidate in candidates:
        line = lines.setdefault(candidate.key, [])
        line.append((_turn(candidate.job_turn, candidate), candidate.job, candidate.available))
        turn = _turn(candidate.key_turn, candidate)
        keys[candidate.key] = min(turn, keys.get(candidate.key, turn))
    for line in lines.values():
        heapq.heapify(line)
    waiting = [(turn, key) for key, turn in keys.items()]
    heapq.heapify(waiting)
    granted: list[str] = []
    while waiting and len(granted) < slots:
        _, key = heapq.heappop(waiting)
        back = (NOW, float(len(granted)))
        granted.append(_serve(lines[key], back))
        if lines[key]:
            heapq.heappush(waiting, (back, key))
    return granted


def _turn(served: float | None, candidate: Candidate) -> Turn:
    return (NEVER, candidate.images) if served is None else (BEFORE, served)


def _serve(line: list[tuple[Turn, str, int]], back: Turn) -> str:
    _, job, available = heapq.heappop(line)
    if available > 1:
        heapq.heappush(line, (back, job, available - 1))
    return job
