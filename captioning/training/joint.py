"""Encoder and decoder as one learner, each with its own rate and its own running average."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from captioning.decoder.config import DecoderConfig
from captioning.encoder.folding import folded
from captioning.errors import SettingError
from captioning.training.learner import Learner, make_optimizer, move_average, warm_cosine


@dataclass(frozen=True)
class Rates:
    """Peaks of the two learning rates, the share of the steps in which they rise, and the
    decay of the weights."""

    encoder: float
    decoder: float
    warm_up: float
    weight_decay: float


@dataclass(frozen=True)
class Optimizers:
    """Two AdamW that step together."""

    encoder: Any
    decoder: Any

    @property
    def variables(self) -> list[Any]:
        return [*self.encoder.variables, *self.decoder.variables]


class JointLearner(Learner):
    """network: the encoder with its weights; policy: the number format that it learns in;
    frozen: beginnings of the names of its layers that do not learn."""

    def __init__(
        self,
        config: DecoderConfig,
        cells: int,
        *,
        network: Any,
        policy: str,
        frozen: tuple[str, ...],
        seed: int,
    ) -> None:
        super().__init__(config, cells, seed=seed)
        self.encoder = folded(network, policy)
        self.encoder_average = folded(network, policy)
        names = [layer.name for layer in self.encoder.layers if layer.weights]
        for beginning in frozen:
            if not any(name.startswith(beginning) for name in names):
                raise SettingError(
                    "[fine_tune] frozen",
                    f"no layer of {network.name} begins with {beginning!r}; "
                    f"they are {names[0]} to {names[-1]}",
                )
        for layer in self.encoder.layers:
            layer.trainable = not layer.name.startswith(frozen)
        signature = [tf.TensorSpec((None, *network.input.shape[1:]), tf.uint8)]
        self._look = tf.function(
            lambda pixels: self._see(self.encoder_average, pixels),
            input_signature=signature,
            autograph=False,
        )

    @property
    def parts(self) -> dict[str, list[Any]]:
        encoders = {"encoder": self.encoder, "encoder_average": self.encoder_average}
        return super().parts | {name: network.variables for name, network in encoders.items()}

    def see_averaged(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(B, S, S, 3) → (B, G, C), by the averaged encoder."""
        grid: NDArray[np.float32] = self._look(tf.constant(pixels)).numpy()
        return grid

    def see_with(self, network: Any) -> None:
        """Let the averaged encoder be this network."""
        source = folded(network).variables
        for kept, other in zip(self.encoder_average.variables, source, strict=True):
            kept.assign(other)

    def make_optimizers(self, rates: Rates, *, steps: int, clip: float) -> Optimizers:
        """Both rise and fall together over so many steps."""

        def optimizer(peak: float) -> Any:
            schedule = warm_cosine(peak, steps=steps, warm_up=rates.warm_up)
            return make_optimizer(schedule, weight_decay=rates.weight_decay, clip=clip)

        return Optimizers(optimizer(rates.encoder), optimizer(rates.decoder))

    def compile_step(
        self, loss: Callable[..., Any], optimizer: Optimizers, *, average: float
    ) -> Any:
        """loss(decoder, grid, captions) → scalar; the step takes pixels and captions."""
        seeing, saying = self.encoder.trainable_variables, self.decoder.trainable_variables
        optimizer.encoder.build(seeing)
        optimizer.decoder.build(saying)

        def step(pixels: Any, captions: Any) -> Any:
            with tf.GradientTape() as tape:
                value = loss(self.decoder, self._see(self.encoder, pixels), captions)
            gradients = tape.gradient(value, [*seeing, *saying])
            optimizer.encoder.apply_gradients(zip(gradients[: len(seeing)], seeing, strict=True))
            optimizer.decoder.apply_gradients(zip(gradients[len(seeing) :], saying, strict=True))
            steps = tf.cast(optimizer.decoder.iterations, tf.float32)
            self._move_average(average, steps)
            move_average(self.encoder_average.variables, self.encoder.variables, average, steps)
            return value

        return tf.function(step, autograph=False)

    def _see(self, encoder: Any, pixels: Any) -> Any:
        grid = encoder(pixels)  # (B, G, G, C)
        cells, channels = grid.shape[1] * grid.shape[2], grid.shape[3]
        return tf.cast(tf.reshape(grid, (-1, cells, channels)), tf.float32)
