"""Every pass stands in a run's log once, whenever the run was killed."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from captioning.training.config import CrossEntropyConfig
from captioning.training.run_log import LOG, append_row, cut_log, read_rows
from captioning.training.stages import run_stage, write_row
from captioning.training.state import RunState


class Killed(BaseException):
    """The process ends here."""


class Passes:
    """A training that learns nothing; `killed_in` is the pass that ends in a kill, after its
    line was written and before its state was saved."""

    def __init__(self, run: Path, *, killed_in: int | None = None, better: bool = True) -> None:
        self.config, self.run, self.killed_in, self.better = None, run, killed_in, better
        self.state = RunState(run)
        self.train: Any = range(2)
        self.learner: Any = SimpleNamespace(parts={"decoder": [keras.Variable([0.0])]})

        self.told: list[str] = []
        self.tell = self.told.append

    def report(self, progress: Any) -> None: ...

    def passing(self, size: int, _number: int) -> Iterator[int]:
        yield from range(len(self.train) // size)

    def end_pass(self, stage: str, number: int, loss: float, seconds: float) -> bool:
        write_row(self.run, stage, number, loss, seconds, {"CIDEr-D": 0.5})
        if number == self.killed_in:
            raise Killed
        return self.better


def run_passes(training: Passes, stage: str, passes: int) -> None:
    optimizer = SimpleNamespace(variables=[keras.Variable(np.zeros(1))])
    config = CrossEntropyConfig(passes=passes, batch=1)
    run_stage(stage, training, optimizer, config, lambda *_: (1.0, 1.0))


def passes_in(run: Path) -> list[tuple[str, int]]:
    return [(row["stage"], row["pass"]) for row in read_rows(run)]


@pytest.mark.parametrize("killed_in", [0, 1, 2])
def test_a_kill_between_the_log_and_the_state_leaves_no_pass_twice(
    tmp_path: Path, killed_in: int
) -> None:
    # Given a run that was killed when a pass was logged and its state was not saved yet
    with pytest.raises(Killed):
        run_passes(Passes(tmp_path, killed_in=killed_in), "cross_entropy", 3)
    assert passes_in(tmp_path)[-1] == ("cross_entropy", killed_in)
    # When it goes on
    run_passes(Passes(tmp_path), "cross_entropy", 3)
    # Then each pass stands there once, in order
    assert passes_in(tmp_path) == [("cross_entropy", number) for number in range(3)]


def test_a_stage_that_gets_no_better_ends_early_and_says_so(tmp_path: Path) -> None:
    training = Passes(tmp_path, better=False)
    run_passes(training, "cross_entropy", 9)
    assert len(passes_in(tmp_path)) == CrossEntropyConfig().patience == 4
    assert training.told == ["cross_entropy ends early: 4 passes without a better one"]


def test_the_passes_of_other_stages_stay(tmp_path: Path) -> None:
    # Given a run whose second stage was killed in its first pass
    run_passes(Passes(tmp_path), "cross_entropy", 2)
    with pytest.raises(Killed):
        run_passes(Passes(tmp_path, killed_in=0), "self_critical", 1)
    # When it goes on
    training = Passes(tmp_path)
    run_passes(training, "cross_entropy", 2)
    run_passes(training, "self_critical", 1)
    # Then both stages are there
    assert passes_in(tmp_path) == [("cross_entropy", 0), ("cross_entropy", 1), ("self_critical", 0)]


def test_half_a_line_that_a_kill_has_left_is_forgotten(tmp_path: Path) -> None:
    append_row(tmp_path, {"step": 10})
    append_row(tmp_path, {"step": 20})
    with (tmp_path / LOG).open("a") as log:
        log.write('{"step": 3')
    assert read_rows(tmp_path) == [{"step": 10}, {"step": 20}]
    cut_log(tmp_path, lambda row: row["step"] > 10)
    assert (tmp_path / LOG).read_text() == '{"step": 10}\n'


def test_a_run_without_a_log_has_nothing_to_cut(tmp_path: Path) -> None:
    cut_log(tmp_path, lambda _: True)
    assert read_rows(tmp_path) == []
    assert not (tmp_path / LOG).exists()
