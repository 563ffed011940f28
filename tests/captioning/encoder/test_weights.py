import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from captioning.encoder.weights import load_weights, save_weights
from captioning.errors import WeightsError


def small_network(filters=4):
    return keras.Sequential(
        [
            keras.layers.Input((8, 8, 3)),
            keras.layers.Conv2D(filters, 3, name="conv"),
            keras.layers.BatchNormalization(name="norm"),
        ]
    )


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "encoder.safetensors"
    network = small_network()
    norm = network.get_layer("norm")
    gamma, beta, mean, variance = norm.get_weights()
    norm.set_weights([gamma, beta, mean + 1 / 3, variance / 3e9])
    save_weights(network, path)
    return network, path


def test_weights_come_back_with_kernels_in_half_precision_and_statistics_in_full(saved):
    network, path = saved
    other = small_network()

    load_weights(other, path)

    assert load_file(path)["conv/kernel"].dtype == np.float16
    assert load_file(path)["norm/moving_variance"].dtype == np.float32
    assert load_file(path)["norm/gamma"].dtype == np.float16
    for before, after in zip(network.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(before, after, rtol=1e-3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tensors: tensors.pop("conv/bias"), "conv/bias is missing"),
        (lambda tensors: tensors.update(top=np.zeros(1)), "top belongs to another"),
        (lambda tensors: tensors["conv/bias"].fill(np.nan), "conv/bias holds a value"),
    ],
)
def test_a_misfit_is_refused_by_file_and_name(saved, change, reason):
    network, path = saved
    tensors = {name: tensor.copy() for name, tensor in load_file(path).items()}
    change(tensors)
    save_file(tensors, path)

    with pytest.raises(WeightsError, match=rf"encoder\.safetensors: {reason}"):
        load_weights(network, path)


def test_weights_of_another_shape_are_refused(saved):
    with pytest.raises(WeightsError, match=r"conv/.* has the shape .*, not "):
        load_weights(small_network(filters=5), saved[1])


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    path = tmp_path / "encoder.safetensors"
    path.write_bytes(b"import os")

    with pytest.raises(WeightsError, match=r"encoder\.safetensors: is damaged, .*; name a whole"):
        load_weights(small_network(), path)


def test_a_file_of_another_network_is_told_from_one_that_lacks_something(tmp_path):
    path = tmp_path / "decoder.safetensors"
    save_file({"word/bias": np.zeros(3)}, path)

    with pytest.raises(WeightsError, match=r"decoder\.safetensors: is not of "):
        load_weights(small_network(), path)
