"""ResNet50 (He et al. 2015, arXiv 1512.03385) as Keras Applications has it, without its top.

    picture (S, S, 3) → scale → conv1 … conv5 → grid (S/32, S/32, 2048), rounded up

Two trainings of it are in use, and each wants its pictures scaled its own way: Keras's
ImageNet weights take BGR around ImageNet's mean ("caffe"); ours take (RGB − 127) / 64
("centred").
"""

import hashlib
from pathlib import Path
from typing import Any, Literal

import keras
from keras import layers

from captioning.errors import WeightsError, reason_of

Scaling = Literal["caffe", "centred"]

CHANNELS = 2048

# Keras publishes the file's MD5 beside its address (WEIGHTS_HASHES of keras.applications.resnet).
IMAGENET_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
IMAGENET_MD5 = "4d473c1dd8becc155b73f8504c6f6626"

_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


def build(size: int, scaling: Scaling) -> keras.Model:
    """uint8 RGB (B, S, S, 3) → grid (B, G, G, 2048), no weights yet."""
    picture = layers.Input((size, size, 3), dtype="uint8", name="picture")
    network = keras.applications.ResNet50(
        include_top=False, weights=None, input_tensor=scaled(picture, scaling)
    )
    return keras.Model(picture, network.output, name="resnet50")


def scaled(picture: Any, scaling: Scaling) -> Any:
    """Pixels as the weights saw them in training."""
    if scaling == "centred":
        return layers.Rescaling(1 / 64, offset=-127 / 64, name="scale")(picture)
    bgr = picture[..., ::-1]
    return layers.Rescaling(1.0, offset=[-mean for mean in _CAFFE_MEAN_BGR], name="scale")(bgr)


def load_imagenet(model: keras.Model, file: Path | None) -> None:
    """Keras's ImageNet weights: by its own download, or from `file`, whose hash is checked.

    Raises `WeightsError` where the download fails, or the file is another one.
    """
    path = file or _download()
    try:
        if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != IMAGENET_MD5:
            reason = f"its MD5 is not {IMAGENET_MD5}, the one Keras publishes"
            raise WeightsError(path, f"{reason}; download it anew from {IMAGENET_URL}")
        model.load_weights(path)
    except OSError as error:
        raise WeightsError(path, f"cannot be read: {reason_of(error)}") from error
    except ValueError as error:
        raise WeightsError(path, f"it does not fit ResNet50: {error}") from error


def _download() -> Path:
    name = IMAGENET_URL.rpartition("/")[2]
    try:
        got = keras.utils.get_file(
            name, IMAGENET_URL, cache_subdir="models", file_hash=IMAGENET_MD5
        )
    except Exception as error:  # Keras turns every error of the network into a bare Exception
        raise WeightsError(Path(name), f"Keras cannot download it: {error}") from error
    return Path(got)
