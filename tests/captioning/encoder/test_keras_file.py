"""Keras's ResNet50 file, in the form in which Keras publishes it (HDF5, layer by layer)."""

import hashlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from captioning.encoder import resnet50
from captioning.errors import WeightsError


@pytest.fixture(scope="module")
def original() -> keras.Model:
    """Keras's network as it stands, with random weights in place of ImageNet's."""
    return keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 64, 3))


@pytest.fixture(scope="module")
def published(original: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keras") / "resnet50_notop.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in original.layers]
        for layer in original.layers:
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [weight.path.encode() for weight in layer.weights]
            for weight in layer.weights:
                group[weight.path] = np.asarray(weight)
    return path


def test_the_file_fills_our_network_layer_by_layer(
    original: keras.Model, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a file whose hash is the one that is asked for
    digest = hashlib.md5(published.read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(resnet50, "IMAGENET_MD5", digest)
    ours = resnet50.build(64, "caffe")

    # When
    resnet50.load_imagenet(ours, published)

    # Then both say the same of a picture
    picture = np.random.default_rng(1).integers(0, 256, (1, 64, 64, 3), np.uint8)
    scaled = keras.applications.resnet50.preprocess_input(picture.astype(np.float32))
    np.testing.assert_allclose(ours(picture), original(scaled), rtol=1e-4, atol=1e-4)


def test_another_file_is_refused_by_its_hash(published: Path) -> None:
    with pytest.raises(WeightsError, match=f"{published.name}: its MD5 is not"):
        resnet50.load_imagenet(resnet50.build(64, "caffe"), published)
