"""Statistics for the BatchNorms of a start that has none.

`captions finetune` folds each BatchNorm into its convolution: what it writes has a mean of 0
and a variance of 1 everywhere. That is the same function as long as nothing follows the
batch. A pretraining's norms do, and would make another network of it in the first step. So
each norm is given the mean and variance of what reaches it, and a scale and shift that undo
both: the function stays, and now it is near to what a norm makes of a batch.
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray


def lacks_statistics(network: keras.Model) -> bool:
    """Whether every norm has a mean of 0 and a variance of 1: folded, or never trained."""
    statistics = [norm.get_weights()[2:] for norm in _norms(network)]
    return all(not mean.any() and (variance == 1).all() for mean, variance in statistics)


def measure_statistics(network: keras.Model, batches: Iterable[NDArray[np.float32]]) -> None:
    """Change the norms, and not what they say. batches: pictures as the network takes them."""
    norms = _norms(network)
    probe = keras.Model(network.input, [part for norm in norms for part in _moments(norm.input)])
    said = [[ops.convert_to_numpy(part) for part in probe(batch)] for batch in batches]
    # Over the batches; from norm to norm the number of channels differs.
    moments = [np.asarray(part, np.float64).mean(axis=0) for part in zip(*said, strict=True)]
    for norm, mean, square in zip(norms, moments[::2], moments[1::2], strict=True):
        _set(norm, mean, np.maximum(square - mean**2, 0.0))


def _set(norm: Any, mean: Any, variance: Any) -> None:
    gamma, beta, old_mean, old_variance = (each.astype(np.float64) for each in norm.get_weights())
    scale = gamma / np.sqrt(old_variance + norm.epsilon)
    gamma, beta = scale * np.sqrt(variance + norm.epsilon), beta + scale * (mean - old_mean)
    norm.set_weights([gamma, beta, mean, variance])


def _moments(tensor: Any) -> tuple[Any, Any]:
    """(B, H, W, C) → mean and mean square of each channel, (C,)."""
    values = ops.cast(tensor, "float32")
    return ops.mean(values, axis=(0, 1, 2)), ops.mean(ops.square(values), axis=(0, 1, 2))


def _norms(network: keras.Model) -> list[Any]:
    return [each for each in network.layers if isinstance(each, layers.BatchNormalization)]
