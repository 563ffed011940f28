"""Student, heads and losses as one Keras model; crops are changed on the device.

    crops uint8 (B, L, L, 3), choices per crop
        → smaller · mirrored · colours moved · mixed with another crop
        → ResNet → low, middle, grid; pooled
        → one linear head for each thing that the teacher says, and for the words

Targets are mirrored and mixed as their crops are: of mixup (https://arxiv.org/abs/1710.09412)
the teacher sees nothing, half of its answers to each of two crops stand for its answer.
"""

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers, ops

from captioning.training.pretrain.config import WeightsConfig
from captioning.training.pretrain.losses import (
    divergence,
    map_distance,
    softened,
    square_distance,
    word_loss,
)

MAPS = ("low", "middle", "grid")
VECTORS = ("pooled", "classes", "words")
_GREY = (0.299, 0.587, 0.114)


class Distiller(keras.Model):  # type: ignore[misc]
    """network: of `build_student`; channels: of each target, by its name."""

    def __init__(
        self, network: keras.Model, channels: Mapping[str, int], weights: WeightsConfig, policy: str
    ) -> None:
        # Pixels and losses stay float32; network and heads have their own number format.
        super().__init__(name="distiller", dtype="float32")
        self.network = network
        self.weighed = weights
        self.size = 0  # of the crops in this round
        self.maps = {
            name: layers.Conv2D(channels[name], 1, name=f"{name}_head", dtype=policy)
            for name in MAPS
        }
        self.vectors = {
            name: layers.Dense(channels[name], name=f"{name}_head", dtype=policy)
            for name in VECTORS
        }

    def begin_round(self, size: int) -> None:
        """Take crops of this size from now on; what was compiled for another is dropped."""
        self.size = size
        self.make_train_function(force=True)
        self.make_predict_function(force=True)

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """inputs: crops, and in training also mirrored (B,), colours (B, 3), share (B,)."""
        pixels = resized(inputs["crops"], self.size)
        if training:
            pixels = _coloured(_mirrored(pixels, inputs["mirrored"]), inputs["colours"])
            pixels = _mixed(pixels, inputs["share"])
        maps = self.network(scaled(pixels), training=training)
        pooled = ops.mean(maps["grid"], axis=(1, 2))
        said = {name: head(maps[name]) for name, head in self.maps.items()}
        said |= {name: head(pooled) for name, head in self.vectors.items()}
        return {name: ops.cast(value, "float32") for name, value in said.items()}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,  # noqa: ARG002
        training: bool = True,  # noqa: ARG002
    ) -> Any:
        """y: the teacher's targets and words (B, W), as they were before crops were changed."""
        targets = {name: ops.cast(value, "float32") for name, value in y.items()}
        targets |= {name: _mirrored(targets[name], x["mirrored"]) for name in MAPS}
        targets["classes"] = softened(targets["classes"])
        targets = {name: _mixed(value, x["share"]) for name, value in targets.items()}
        early = ops.mean(x["early"])
        fading = {"low": early, "middle": early}
        weighed = [
            getattr(self.weighed, name) * fading.get(name, 1.0) * part
            for name, part in loss_parts(y_pred, targets).items()
        ]
        return sum(weighed)


def loss_parts(said: Mapping[str, Any], targets: Mapping[str, Any]) -> dict[str, Any]:
    """What the loss is made of, unweighed; the classes of `targets` are softened ones."""
    parts = {name: map_distance(said[name], targets[name]) for name in MAPS}
    parts["pooled"] = square_distance(said["pooled"], targets["pooled"])
    parts["classes"] = divergence(said["classes"], targets["classes"])
    parts["words"] = word_loss(said["words"], targets["words"])
    return parts


def scaled(pixels: Any) -> Any:
    """As the network takes them: `centred` in `captioning.encoder.resnet50`."""
    return (pixels - 127.0) / 64.0


def resized(crops: Any, size: int) -> Any:
    """(B, L, L, 3) → (B, size, size, 3), float32; size 0 leaves them as large as they are."""
    pixels = ops.cast(crops, "float32")
    if not size or pixels.shape[1] == size:
        return pixels
    return ops.image.resize(pixels, (size, size), antialias=True, data_format="channels_last")


def _mirrored(maps: Any, mirrored: Any) -> Any:
    """Left to right where `mirrored` (B,) is 1."""
    return ops.where(mirrored[:, None, None, None] > 0.5, ops.flip(maps, axis=2), maps)


def _coloured(pixels: Any, colours: Any) -> Any:
    """colours (B, 3): factors of brightness, contrast and saturation."""
    brightness, contrast, saturation = (colours[:, i, None, None, None] for i in range(3))
    grey = ops.sum(pixels * ops.convert_to_tensor(_GREY, "float32"), axis=-1, keepdims=True)
    pixels = grey + saturation * (pixels - grey)
    mean = ops.mean(pixels, axis=(1, 2, 3), keepdims=True)
    return ops.clip(brightness * (mean + contrast * (pixels - mean)), 0.0, 255.0)


def _mixed(tensor: Any, share: Any) -> Any:
    """Each with the one at the same place from the batch's other end; share (B,): of itself."""
    share = ops.reshape(share, (-1, *[1] * (len(tensor.shape) - 1)))
    return share * tensor + (1.0 - share) * ops.flip(tensor, axis=0)
