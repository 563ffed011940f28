"""One step of learning: a decoder, its running average, and the optimizer.

The average of the weights over the last steps captions better than the last weights do
(Polyak and Juditsky 1992); it is what is evaluated and kept.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from captioning.checkpoint import fill
from captioning.decoder import make_decoder
from captioning.decoder.config import DecoderConfig
from captioning.decoder.packing import words_at


class Learner:
    """decoder: what learns; average: what is kept of it."""

    def __init__(self, config: DecoderConfig, cells: int, *, seed: int) -> None:
        keras.utils.set_random_seed(seed)
        self.decoder = make_decoder(config, cells)
        self.average = make_decoder(config, cells)
        self.restart_from_average(copy_back=False)

    @property
    def parts(self) -> dict[str, list[Any]]:
        """All variables, by what they belong to."""
        return {"decoder": self.decoder.variables, "average": self.average.variables}

    def restart_from_average(self, *, copy_back: bool = True) -> None:
        """Make decoder and average equal: the average's weights, or the decoder's at first."""
        source, target = self.decoder.weights, self.average.weights
        if copy_back:
            source, target = target, source
        for one, other in zip(source, target, strict=True):
            other.assign(one)

    def begin_with(self, decoder_weights: Path) -> None:
        """Raises CheckpointError where the file is not of this decoder."""
        fill(self.average.weights, decoder_weights)
        self.restart_from_average()

    def compile_step(self, loss: Callable[..., Any], optimizer: Any, *, average: float) -> Any:
        """loss(decoder, *tensors) → scalar; the step takes the tensors and returns the loss."""
        variables = self.decoder.trainable_variables
        optimizer.build(variables)

        def step(*tensors: Any) -> Any:
            with tf.GradientTape() as tape:
                value = loss(self.decoder, *tensors)
            gradients = tape.gradient(value, variables)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
            self._move_average(average, tf.cast(optimizer.iterations, tf.float32))
            return value

        return tf.function(step, autograph=False)

    def _move_average(self, decay: float, steps: Any) -> None:
        move_average(self.average.weights, self.decoder.weights, decay, steps)


def move_average(kept: list[Any], new: list[Any], decay: float, steps: Any) -> None:
    """kept ← decay · kept + (1 - decay) · new, after so many steps."""
    # The first weights are random: young averages forget them quickly.
    decay = tf.minimum(decay, (1.0 + steps) / (10.0 + steps))
    for average, weight in zip(kept, new, strict=True):
        average.assign(average * decay + weight * (1.0 - decay))


def next_word_loss(label_smoothing: float) -> Callable[..., Any]:
    """Cross entropy of the next word, labels smoothed (https://arxiv.org/abs/1512.00567)."""

    def loss(decoder: Any, grid: Any, captions: Any) -> Any:
        """grid: (B, G, C) float16, captions: (B, S, T + 1)."""
        vectors, packed = decoder.teach(tf.cast(grid, tf.float32), captions)  # (M, E)
        target = words_at(captions, packed, offset=1)
        chances = tf.nn.log_softmax(decoder.say(vectors))  # (M, V)
        right = tf.gather(chances, target, batch_dims=1)
        smooth = tf.reduce_mean(chances, axis=-1)
        return -tf.reduce_mean((1 - label_smoothing) * right + label_smoothing * smooth)

    return loss


def make_optimizer(schedule: Any, *, weight_decay: float, clip: float) -> Any:
    """AdamW (https://arxiv.org/abs/1711.05101), no decay on biases and norms."""
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=weight_decay, global_clipnorm=clip, beta_2=0.98
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def warm_cosine(peak: float, *, steps: int, warm_up: float) -> Any:
    """Rise over the first share of the steps, then fall to a fiftieth along a cosine."""
    rise = max(1, round(steps * warm_up))
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rise), alpha=0.02, warmup_target=peak, warmup_steps=rise
    )
