from pathlib import Path

import keras
import numpy as np
import pytest

from captioning.encoder import resnet50
from captioning.encoder.encoder import ResNet50, from_config, pretrained
from captioning.encoder.sources import FileWeights, ImageNetWeights
from captioning.encoder.weights import save_weights
from captioning.errors import WeightsError
from tests.captioning.drawing import drawn_picture


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite2", "resnet50"])
def test_an_encoder_is_found_again_by_its_own_config(name, tmp_path):
    encoder = pretrained(name)

    assert from_config(encoder.config, tmp_path) == encoder


def test_resnet50_with_weights_in_the_checkpoint_says_the_same_after_loading(tmp_path):
    # Given a ResNet50 whose weights were saved into a checkpoint's folder
    path = tmp_path / "encoder.safetensors"
    trained = resnet50.build(64, "centred")
    save_weights(trained, path)
    encoder = ResNet50(64, "centred", FileWeights.of(path))

    # When a service builds it from the checkpoint's config
    built = from_config(encoder.config, tmp_path).build()

    # Then its grid is the trained one's, up to the rounding of the file
    picture = drawn_picture(64)[np.newaxis]
    grid = np.asarray(built(picture, training=False))
    expected = np.asarray(trained(picture, training=False))
    assert grid.shape == (1, encoder.side, encoder.side, encoder.channels)
    assert np.abs(grid - expected).max() < 0.01 * expected.max()


def test_a_file_that_changed_since_is_refused(tmp_path):
    path = tmp_path / "encoder.safetensors"
    path.write_bytes(b"one")
    weights = FileWeights.of(path)
    path.write_bytes(b"two")

    sentence = r"encoder\.safetensors: is not the file that the checkpoint was made with, but cut"
    with pytest.raises(WeightsError, match=f"{sentence} short or changed; copy the checkpoint"):
        weights.fill(keras.Sequential())
    path.unlink()
    with pytest.raises(WeightsError, match=r"encoder\.safetensors: is missing; copy the checkp"):
        weights.fill(keras.Sequential())


def test_the_imagenet_file_is_taken_only_with_the_hash_that_keras_publishes(tmp_path):
    path = tmp_path / "resnet50.h5"
    path.write_bytes(b"another file")

    with pytest.raises(WeightsError, match=r"resnet50\.h5: its MD5 is not 4d473c1dd8becc155"):
        ImageNetWeights(path).fill(keras.Sequential())


def test_pixels_for_imagenet_weights_are_scaled_as_keras_scales_them():
    picture = drawn_picture(32)[np.newaxis]
    pixels = keras.Input((32, 32, 3), dtype="uint8")
    scaled = keras.Model(pixels, resnet50.scaled(pixels, "caffe"))

    expected = keras.applications.resnet50.preprocess_input(picture.astype(np.float32))

    np.testing.assert_allclose(scaled(picture), expected, atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "vgg16"},
        {"input_size": 7},
        {"input_size": "160"},
        {"scaling": "none"},
        {"weights": {"source": "wheel", "sha256": "0"}},
        {"weights": {"source": "file"}},
        {"weights": None},
    ],
)
def test_a_config_that_makes_no_sense_is_refused(change, tmp_path):
    config = pretrained("resnet50").config | change

    with pytest.raises(WeightsError, match=str(tmp_path)):
        from_config(config, tmp_path)


def test_the_kind_of_a_file_says_how_its_weights_want_their_pixels(tmp_path):
    own, keras_file = tmp_path / "encoder.safetensors", tmp_path / "resnet50.h5"
    for path in (own, keras_file):
        path.write_bytes(b"weights")

    assert pretrained("resnet50", weights=own, input_size=160).config["scaling"] == "centred"
    assert pretrained("resnet50", weights=keras_file).config["scaling"] == "caffe"
    assert pretrained("resnet50", weights=own, scaling="caffe").config["scaling"] == "caffe"
    assert pretrained("efficientnet-lite0", weights=own, input_size=96).input_size == 96


@pytest.mark.parametrize(
    ("name", "choice"),
    [
        ("resnet50", {"input_size": 8}),
        ("efficientnet-lite0", {"scaling": "caffe"}),
        ("vgg16", {}),
        ("resnet50", {"weights": Path("missing.safetensors")}),
    ],
)
def test_an_encoder_that_there_is_not_is_refused(name, choice):
    with pytest.raises(WeightsError):
        pretrained(name, **choice)
