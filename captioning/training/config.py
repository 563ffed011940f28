"""One training, described by a TOML file.

seed = 1
start = "…"      a checkpoint to begin with: its vocabulary and its decoder (optional)
[data]           where features and captions lie
[encoder]        written into the checkpoint; a file that it names goes into the checkpoint too
[decoder]        sizes, see captioning.decoder.config
[cross_entropy]  first stage: the next word of each caption
[self_critical]  second stage: the score of whole sentences
[mixing]         last: the weights of both stages mixed
"""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Self

from captioning.checkpoint import ENCODER_WEIGHTS
from captioning.decoder.config import DecoderConfig
from captioning.errors import SettingError, reason_of
from captioning.training.config_files import (
    Allowed,
    ConfigFile,
    Count,
    File,
    Folder,
    FolderName,
    Share,
    at_least,
    build_section,
    refused,
)

_EXAMPLE = '{ source = "file", file = "features/encoder.safetensors" }'
Views = Annotated[tuple[str, ...], Allowed('name one, such as ["train"]', bool)]


@dataclass(frozen=True)
class DataConfig:
    """features: folder of the feature cache; views: grids of the train pictures, one is
    chosen at random per picture and pass; minimum_count: of a word in the train captions;
    longest: words of a caption, the rest is cut off in training."""

    features: Path
    train: File
    dev: File
    views: Views = ("train",)
    minimum_count: int = 5
    longest: Count = 20


@dataclass(frozen=True)
class CrossEntropyConfig:
    """batch: pictures, each with all its captions; average: decay of the weights' average;
    patience: passes without a better one, after which the stage ends."""

    passes: int = 10
    batch: Count = 40
    learning_rate: float = 1e-3
    warm_up: Share = 0.05
    weight_decay: float = 0.05
    label_smoothing: Share = 0.1
    clip: float = 1.0
    average: Share = 0.995
    patience: Count = 4


@dataclass(frozen=True)
class SelfCriticalConfig:
    """samples: sentences per picture, which are judged by each other; bleu_weight: of sentence
    BLEU-4 beside CIDEr-D."""

    passes: int = 0
    batch: Count = 40
    learning_rate: float = 5e-5
    weight_decay: float = 0.0
    samples: Annotated[int, at_least(2)] = 5
    bleu_weight: float = 0.0
    clip: float = 1.0
    average: Share = 0.99
    patience: Count = 3


@dataclass(frozen=True)
class MixingConfig:
    """shares: of the self-critical weights, each is tried; none, and nothing is mixed."""

    shares: tuple[Share, ...] = ()


@dataclass(frozen=True)
class TrainingConfig(ConfigFile):
    """name: of the checkpoint that is made; start: the one to begin with; encoder_file: the
    encoder's weights, where the checkpoint is to carry them; rounded: keep the decoder's
    matrices as 8-bit integers, in half of the space."""

    name: FolderName
    data: DataConfig
    encoder: dict[str, Any]
    decoder: dict[str, Any]
    cross_entropy: CrossEntropyConfig = field(default_factory=CrossEntropyConfig)
    self_critical: SelfCriticalConfig = field(default_factory=SelfCriticalConfig)
    mixing: MixingConfig = field(default_factory=MixingConfig)
    seed: int = 1
    start: Folder | None = None
    encoder_file: Path | None = None
    rounded: bool = False

    @classmethod
    def of(cls, settings: dict[str, Any], folder: Path) -> Self:
        config = super().of(settings, folder)
        if not (config.cross_entropy.passes or config.start):
            reason = "choose 1 or more, or a start whose decoder is kept"
            raise refused("[cross_entropy] passes", 0, reason)
        _check_decoder(config.decoder, folder)
        encoder, encoder_file = _encoder(config.encoder, folder)
        return replace(config, encoder=encoder, encoder_file=encoder_file)


def _check_decoder(settings: dict[str, Any], folder: Path) -> None:
    """Before the features are there to say the rest. Raises SettingError."""
    known = {"vocabulary": 1, "channels": 1}
    sizes = build_section(DecoderConfig, {**settings, **known}, folder, "[decoder]")
    for name, value in sizes.to_dict().items():
        if value == 0 and isinstance(value, int):
            raise refused(f"[decoder] {name}", value, "choose 1 or more")
        if isinstance(value, float) and value > 1:
            raise refused(f"[decoder] {name}", value, "choose 0 to 1")


def _encoder(settings: dict[str, Any], folder: Path) -> tuple[dict[str, Any], Path | None]:
    """The encoder as the checkpoint will name it, and the file of weights to put there."""
    weights = settings.get("weights", {})
    if not isinstance(weights, dict):
        raise refused("[encoder] weights", weights, f"write a table, such as {_EXAMPLE}")
    if weights.get("source") != "file":
        return settings, None
    if not isinstance(weights.get("file"), str):
        raise SettingError("[encoder] weights", f"names no file; write {_EXAMPLE}")
    file = folder / weights["file"]
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        reason = f"cannot be read: {reason_of(error)}"
        raise refused("[encoder] weights file", file, reason) from error
    named = {"source": "file", "file": ENCODER_WEIGHTS, "sha256": digest}
    return {**settings, "weights": named}, file
