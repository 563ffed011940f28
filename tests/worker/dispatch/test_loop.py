"""How often the dispatcher looks."""

import pytest

from jobs.settings import Settings
from worker.dispatch import loop
from worker.dispatch.context import Context
from worker.dispatch.loop import Lane, Step

ROUNDS = 400


class Clock:
    """A clock that goes on only while somebody waits, and wants a stop after some rounds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        self.pauses.append(seconds)
        return len(self.pauses) > ROUNDS


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(loop, "time", clock)
    return clock


def run(clock, act):
    context = Context(Settings(dispatch_seconds=0.1), db=None, store=None, app=None)
    Lane(context, [Step("act", 0.0, act)], leads=lambda: True).run(clock)


def test_while_something_moves_it_looks_fifty_times_a_second(clock):
    run(clock, lambda at: 1)

    assert set(clock.pauses[1:]) == {loop.FLOWING_SECONDS}


def test_it_looks_less_often_the_longer_nothing_moves(clock):
    moved = iter([3])
    run(clock, lambda at: next(moved, 0))

    assert clock.pauses[0] == loop.IDLE_SECONDS
    assert clock.pauses[1:4] == pytest.approx([0.02, 0.02, 0.04])
    assert sorted(clock.pauses[1:]) == clock.pauses[1:]
    assert 0.1 in clock.pauses
    assert clock.pauses[-1] == loop.IDLE_SECONDS
