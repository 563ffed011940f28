"""The student on its way: the variables, one step, and the end of a pass."""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from captioning.encoder.cpu import multiplies_bfloat16
from captioning.encoder.weights import load_weights
from captioning.errors import DivergedError
from captioning.training.datasets import Tell
from captioning.training.pace import Pace
from captioning.training.plots import plot_pretraining
from captioning.training.pretrain.batches import Batch, Plan, ahead, batch_of
from captioning.training.pretrain.config import PretrainConfig, StudentConfig
from captioning.training.pretrain.crops import WHOLE
from captioning.training.pretrain.distiller import Distiller, resized, scaled
from captioning.training.pretrain.figures import Figures, measure
from captioning.training.pretrain.material import Material, Progress, Report
from captioning.training.pretrain.run_folder import CURVES, STATE, keep_encoder, kept_precision
from captioning.training.pretrain.state import load_state, save_state, variables_of
from captioning.training.pretrain.statistics import lacks_statistics, measure_statistics
from captioning.training.pretrain.student import build_student
from captioning.training.pretrain.targets import SAMPLE
from captioning.training.run_log import append_row, cut_log, read_rows


class Learning:
    """From where the run stopped, or from nothing, to the end of the plan."""

    def __init__(
        self,
        config: PretrainConfig,
        run: Path,
        network: keras.Model,
        plan: Plan,
        material: Material,
        report: Report,
        tell: Tell,
    ) -> None:
        self._config, self._run, self._network = config, run, network
        self._plan, self._material = plan, material
        self._report, self._tell = report, tell
        policy = number_format(config.learning.precision)
        begins = config.student.start and not (run / STATE).exists()
        if begins and lacks_statistics(network):
            measure_statistics(network, self._scaled_sample())
        self._distiller = Distiller(self._network, material.channels, config.weights, policy)
        self._distiller({"crops": material.dev_table["crops"][:1]})  # makes its variables
        optimizer = make_optimizer(config, self._plan.steps)
        optimizer.build(self._distiller.trainable_variables)
        self._distiller.compile(optimizer=optimizer, jit_compile=compiles_a_step())
        self._variables = variables_of(self._distiller, optimizer)
        self._step, best = load_state(run / STATE, self._variables)
        # An encoder whose state is gone is still not to be replaced by a worse one.
        self._best = max(best, kept_precision(run))
        cut_log(run, lambda row: row["step"] > self._step)

    def _scaled_sample(self) -> Iterator[Any]:
        crops, first = self._material.views(0)[WHOLE]["crops"], self._config.rounds[0]
        for start in range(0, min(SAMPLE, len(crops)), first.batch):
            yield scaled(resized(crops[start : start + first.batch], first.size))

    def go_on(self) -> None:
        """Raises DivergedError; what was kept and saved before it stays as it is."""
        size = 0
        while self._step < self._plan.steps:
            number, within = self._plan.pass_of(self._step)
            if self._plan.passes[number].size != size:
                size = self._plan.passes[number].size
                self._distiller.begin_round(size)
            self._pass(number, within)

    def _pass(self, number: int, within: int) -> None:
        views = self._material.views(number)  # the teacher's time is not the student's
        started, losses, pace = time.monotonic(), [], Pace(self._plan.pixels())
        for place, (x, y) in enumerate(ahead(self._batches(views, number, within)), within + 1):
            losses.append(self._learn(x, y))
            self._say(number, place, losses[-1], pace)
            if self._step % self._config.learning.save_every == 0 and place < self._steps(number):
                self._save()
        crops = len(losses) * self._plan.passes[number].batch
        rate = crops / (time.monotonic() - started)
        self._end_pass(number, sum(losses) / len(losses), rate)

    def _steps(self, number: int) -> int:
        return self._plan.steps_in(number)

    def _batches(self, views: Any, number: int, within: int) -> Iterator[Batch]:
        words, learning = self._material.train_words, self._config.learning
        size, before = self._plan.passes[number].batch, self._step - within
        for place in range(within, self._steps(number)):
            key = (self._config.seed, number, place)
            progress = (before + place) / self._plan.steps
            yield batch_of(views, words, learning, size=size, key=key, progress=progress)

    def _learn(self, x: dict[str, Any], y: dict[str, Any]) -> float:
        self._distiller.reset_metrics()  # or Keras returns the mean since the last time
        loss = float(self._distiller.train_on_batch(x, y, return_dict=True)["loss"])
        if not math.isfinite(loss):
            raise DivergedError
        self._step += 1
        return loss

    def _end_pass(self, number: int, loss: float, rate: float) -> None:
        """Measure, keep the encoder where it is the best so far, say so, and save."""
        figures = measure(self._distiller, self._material.dev_table, self._material.dev_words)
        size = self._plan.passes[number].size
        kept = self._keep(figures, size)
        row: dict[str, Any] = {
            "pass": number + 1,
            "of": len(self._plan.passes),
            "size": size,
            "step": self._step,
        }
        row |= {"loss": round(loss, 4), **asdict(figures), "crops_per_second": round(rate, 1)}
        append_row(self._run, row)
        self._tell(
            f"pass {number + 1}: distance to the teacher {figures.distance:.3f}, average precision "
            f"of the words {figures.average_precision:.3f}{', kept' if kept else ''}"
        )
        plot_pretraining(read_rows(self._run), self._run / CURVES)
        self._save()

    def _keep(self, figures: Figures, size: int) -> bool:
        better = figures.average_precision > self._best
        if better:
            keep_encoder(self._run, self._network, figures, size=size)
            self._best = figures.average_precision
        return better

    def _save(self) -> None:
        save_state(self._run / STATE, self._variables, step=self._step, best=self._best)

    def _say(self, number: int, place: int, loss: float, pace: Pace) -> None:
        each, done = self._plan.passes[number], self._plan.pixels(number, place)
        rate, left = pace.rate(done), pace.seconds_left(done)
        rate = rate and rate / each.size**2
        what = f"pass {number + 1} of {len(self._plan.passes)}, step"
        self._report(Progress(what, place, self._steps(number), loss, rate, left))


def make_network(student: StudentConfig, policy: str) -> keras.Model:
    """With the weights that it is to begin with. Raises WeightsError where they do not fit."""
    network = build_student(student.width, student.blocks, policy=policy)
    if student.start:
        load_weights(network, student.start)
    return network


def make_optimizer(config: PretrainConfig, steps: int) -> keras.Optimizer:
    """AdamW, a warm-up and a cosine to zero; no decay on biases and norms."""
    learning = config.learning
    rise = max(1, round(steps * learning.warm_up))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rise), warmup_target=learning.rate, warmup_steps=rise
    )
    optimizer = keras.optimizers.AdamW(
        rate, weight_decay=learning.weight_decay, global_clipnorm=learning.clip
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def number_format(precision: str) -> str:
    """auto: bfloat16 where there is a GPU, or a CPU that multiplies it."""
    if precision != "auto":
        return precision
    return "mixed_bfloat16" if has_accelerator() or multiplies_bfloat16() else "float32"


def has_accelerator() -> bool:
    """Whether Keras's backend sees a GPU."""
    if keras.backend.backend() == "torch":  # Keras does not list its devices
        import torch

        return bool(torch.cuda.is_available())
    # Asked for GPUs alone, JAX raises where there is none.
    return any(not name.lower().startswith("cpu") for name in keras.distribution.list_devices())


def compiles_a_step() -> bool:
    """JAX is slow without; TensorFlow's compiler pays on a GPU; PyTorch's asks for one of C."""
    backend = keras.backend.backend()
    return backend == "jax" or (backend == "tensorflow" and has_accelerator())
