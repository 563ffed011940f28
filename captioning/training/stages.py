"""The passes of a stage: learn, evaluate, log, save; and how that is reported."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from captioning.errors import DivergedError
from captioning.training.config_files import require_batch
from captioning.training.datasets import Tell
from captioning.training.examples import Examples
from captioning.training.learner import Learner
from captioning.training.pace import Pace
from captioning.training.run_log import append_row, cut_log
from captioning.training.state import RunState


@dataclass(frozen=True)
class Progress:
    """Where a training is. seconds_left: of its stage, as things go; None at its beginning."""

    stage: str
    number: int
    step: int
    steps: int
    value: float
    seconds_left: float | None


Report = Callable[[Progress], None]


class Stageful(Protocol):
    """What passes need to know of a training."""

    config: Any
    run: Path
    report: Report
    tell: Tell
    state: RunState
    train: Examples

    @property
    def learner(self) -> Learner:
        """What learns."""

    def passing(self, size: int, number: int) -> Iterator[Any]:
        """The batches of a pass."""

    def end_pass(self, stage: str, number: int, loss: float, seconds: float) -> bool:
        """Evaluate, keep what is best; says whether this pass was."""


def run_stage(stage: str, training: Stageful, optimizer: Any, config: Any, learn: Any) -> None:
    """The passes of a stage; learn(batch, number, place) → (loss, value to report).

    Raises DivergedError where the loss is no number.
    """
    if training.state.is_past(stage):
        return
    first = training.state.resume(stage, training.learner, optimizer)
    cut_log(training.run, lambda row: row["stage"] == stage and row["pass"] >= first)
    steps = steps_of(stage, training.train, config)
    pace = Pace(steps * config.passes)
    for number in range(first, config.passes):
        if training.state.waited >= config.patience:
            training.tell(f"{stage} ends early: {config.patience} passes without a better one")
            break
        started, values = time.monotonic(), []
        for place, batch in enumerate(training.passing(config.batch, _pass_id(stage, number))):
            loss, value = learn(batch, number, place)
            if not math.isfinite(loss):
                raise DivergedError
            values.append(value)
            left = pace.seconds_left(number * steps + place + 1)
            training.report(Progress(stage, number, place + 1, steps, value, left))
        seconds = time.monotonic() - started
        better = training.end_pass(stage, number, float(np.mean(values)), seconds)
        training.state.save(stage, number + 1, better, training.learner, optimizer)


def steps_of(stage: str, train: Examples, config: Any) -> int:
    """Batches in a pass. Raises SettingError where there is not one, and there is to be a pass."""
    if config.passes:
        require_batch(f"[{stage}] batch", config.batch, len(train))
    return len(train) // int(config.batch)


def write_row(
    run: Path, stage: str, number: int, loss: float, seconds: float, metrics: dict[str, float]
) -> None:
    """A line of the run's log."""
    row = {"stage": stage, "pass": number, "loss": round(loss, 4), **metrics}
    row["seconds"] = round(seconds)
    append_row(run, row)


def in_words(stage: str, number: int, metrics: dict[str, float], *, better: bool) -> str:
    """What a pass has reached, for people."""
    scores = ", ".join(f"{name} {metrics[name]:.3f}" for name in ("BLEU-4", "CIDEr-D"))
    return f"{stage} pass {number + 1}: {scores} on dev{', the best so far' if better else ''}"


def _pass_id(stage: str, number: int) -> int:
    return number if stage == "cross_entropy" else 1000 + number
