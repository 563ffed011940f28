"""Time left, on a clock of ours."""

import pytest

from captioning.training import pace
from captioning.training.pace import Pace


def test_the_first_step_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given work of 100 of which 20 were done by an earlier call, and 10 in a long first step
    clock = iter([1000.0, 1004.0, 1004.0])
    monkeypatch.setattr(pace, "time", type("Clock", (), {"monotonic": lambda: next(clock)}))
    this = Pace(100)
    assert this.seconds_left(30) is None
    # When the next ten took four seconds
    # Then the sixty that are left take twenty-four
    assert this.seconds_left(40) == pytest.approx(24)
    assert this.rate(40) == pytest.approx(2.5)
