"""TensorBoard's files about a training, written from what the training reports and logs.

TensorFlow writes them by itself; only looking at them needs the package `tensorboard`, which
is not installed here: `tensorboard --logdir RUN/tensorboard`, from any environment that has it.
"""

from pathlib import Path
from typing import Protocol

import tensorflow as tf

from captioning.output_places import make_folder
from captioning.training.run_log import read_rows

FOLDER = "tensorboard"
EVERY = 10  # steps
_NOT_MEASURED = {"stage", "pass"}


class Step(Protocol):
    """What is known of a step. number: of the pass, from 0; step: in it, from 1."""

    @property
    def stage(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def value(self) -> float: ...


class Board:
    """Of every tenth step its value; of every pass its loss and its metrics on dev.

    Raises OutputError where the run folder cannot be made.
    """

    def __init__(self, run: Path) -> None:
        make_folder(run)
        self._run = run
        self._rows = len(read_rows(run))
        self._writer = tf.summary.create_file_writer(str(run / FOLDER))

    def step(self, step: Step) -> None:
        """Write about a step, and about the passes that have ended since the last."""
        if step.step % EVERY == 0:
            self._write(f"{step.stage}/step", step.value, step.number * step.steps + step.step)
        if step.step == 1:
            self.passes()

    def passes(self) -> None:
        """Write about the passes that were not written about yet."""
        rows = read_rows(self._run)
        for row in rows[self._rows :]:
            for name in row.keys() - _NOT_MEASURED:
                self._write(f"{row['stage']}/{name}", row[name], row["pass"] + 1)
        self._rows = len(rows)
        self._writer.flush()

    def close(self) -> None:
        self.passes()
        self._writer.close()

    def _write(self, name: str, value: float, step: int) -> None:
        # `tf.summary.scalar` is this, but needs the package `tensorboard`.
        with self._writer.as_default():
            tf.summary.write(name, tf.constant(value, tf.float32), step, _scalar())


def _scalar() -> object:
    kind = tf.compat.v1.SummaryMetadata
    metadata = kind(plugin_data=kind.PluginData(plugin_name="scalars"))
    metadata.data_class = 1  # a scalar
    return metadata
