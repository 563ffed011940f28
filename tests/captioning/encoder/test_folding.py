"""An encoder whose BatchNorm went into its convolutions says what it said before."""

import keras
import numpy as np
import pytest

from captioning.encoder import efficientnet_lite, resnet50
from captioning.encoder.folding import folded, unfold_into

SIZE = 64


def with_statistics(network: keras.Model) -> keras.Model:
    """The network with norms that do something, as after a training."""
    random = np.random.default_rng(3)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    gamma * random.uniform(0.5, 1.5, gamma.shape),
                    beta + random.normal(0, 0.1, beta.shape),
                    mean + random.normal(0, 0.1, mean.shape),
                    variance * random.uniform(0.5, 2.0, variance.shape),
                ]
            )
    return network


@pytest.fixture(
    params=[
        lambda: resnet50.build(SIZE, "centred"),
        lambda: efficientnet_lite.build(efficientnet_lite.LITE0, SIZE),
    ],
    ids=["resnet50", "efficientnet-lite0"],
)
def network(request: pytest.FixtureRequest) -> keras.Model:
    return with_statistics(request.param())


def pictures() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)


def close(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one - other).max() <= 1e-4 * np.abs(other).max())


def test_a_folded_encoder_sees_the_same(network: keras.Model) -> None:
    before = np.asarray(network(pictures(), training=False))
    copy = folded(network)
    assert close(np.asarray(copy(pictures())), before)
    norms = [w for w in copy.weights if "gamma" in w.path or "moving" in w.path]
    assert not norms


def test_what_a_folded_encoder_learns_comes_back(network: keras.Model) -> None:
    # Given a folded copy that has learnt something
    copy = folded(network)
    kernel = next(weight for weight in reversed(copy.weights) if weight.path.endswith("kernel"))
    kernel.assign(kernel * 1.5)
    learnt = np.asarray(copy(pictures()))
    # When the network takes it over
    unfold_into(network, copy)
    # Then it sees what the copy sees
    assert close(np.asarray(network(pictures(), training=False)), learnt)
