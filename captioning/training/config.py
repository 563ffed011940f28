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
from typing import Any

from captioning.checkpoint import ENCODER_WEIGHTS
from captioning.decoder.config import DecoderConfig
from captioning.errors import reason_of
from captioning.training.config_files import (
    build_section,
    read_config,
    require_captions,
    require_plain_name,
    require_start,
)

_EXAMPLE = '{ source = "file", file = "features/encoder.safetensors" }'


@dataclass(frozen=True)
class DataConfig:
    """features: folder of the feature cache; views: grids of the train pictures, one is
    chosen at random per picture and pass; minimum_count: of a word in the train captions;
    longest: words of a caption, the rest is cut off in training."""

    features: Path
    train: Path
    dev: Path
    views: tuple[str, ...] = ("train",)
    minimum_count: int = 5
    longest: int = 20

    def __post_init__(self) -> None:
        if not self.views:
            raise ValueError('views = [] names no view; write ["train"]')


@dataclass(frozen=True)
class CrossEntropyConfig:
    """batch: pictures, each with all its captions; average: decay of the weights' average;
    patience: passes without a better one, after which the stage ends."""

    passes: int = 10
    batch: int = 40
    learning_rate: float = 1e-3
    warm_up: float = 0.05
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    clip: float = 1.0
    average: float = 0.995
    patience: int = 4


@dataclass(frozen=True)
class SelfCriticalConfig:
    """samples: sentences per picture; bleu_weight: of sentence BLEU-4 beside CIDEr-D."""

    passes: int = 0
    batch: int = 40
    learning_rate: float = 5e-5
    weight_decay: float = 0.0
    samples: int = 5
    bleu_weight: float = 0.0
    clip: float = 1.0
    average: float = 0.99
    patience: int = 3


@dataclass(frozen=True)
class MixingConfig:
    """shares: of the self-critical weights, each is tried; none, and nothing is mixed."""

    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class TrainingConfig:
    """name: of the checkpoint that is made; start: the one to begin with; encoder_file: the
    encoder's weights, where the checkpoint is to carry them; rounded: keep the decoder's
    matrices as 8-bit integers, in half of the space."""

    name: str
    data: DataConfig
    encoder: dict[str, Any]
    decoder: dict[str, Any]
    cross_entropy: CrossEntropyConfig = field(default_factory=CrossEntropyConfig)
    self_critical: SelfCriticalConfig = field(default_factory=SelfCriticalConfig)
    mixing: MixingConfig = field(default_factory=MixingConfig)
    seed: int = 1
    start: Path | None = None
    encoder_file: Path | None = None
    rounded: bool = False

    def __post_init__(self) -> None:
        require_plain_name(self.name)

    @classmethod
    def load(cls, path: Path) -> "TrainingConfig":
        """Paths in the file are relative to its folder. Raises TrainingError."""
        return read_config(path, cls._from)

    @classmethod
    def _from(cls, settings: dict[str, Any], folder: Path) -> "TrainingConfig":
        config = build_section(cls, settings, folder)
        require_captions(config.data.train, config.data.dev)
        if config.start:
            require_start(config.start)
        _check_decoder(config.decoder, folder)
        encoder, encoder_file = _encoder(config.encoder, folder)
        return replace(config, encoder=encoder, encoder_file=encoder_file)


def _check_decoder(settings: dict[str, Any], folder: Path) -> None:
    """Before the features are there to say the rest. Raises ValueError."""
    known = {"vocabulary": 1, "channels": 1}
    try:
        build_section(DecoderConfig, {**settings, **known}, folder)
    except ValueError as error:
        raise ValueError(f"[decoder] {error}") from error


def _encoder(settings: dict[str, Any], folder: Path) -> tuple[dict[str, Any], Path | None]:
    """The encoder as the checkpoint will name it, and the file of weights to put there."""
    weights = settings.get("weights", {})
    if not isinstance(weights, dict):
        raise ValueError(f"[encoder] weights = {weights!r}: write a table, such as {_EXAMPLE}")
    if weights.get("source") != "file":
        return settings, None
    if not isinstance(weights.get("file"), str):
        raise ValueError(f"[encoder] weights names no file; write {_EXAMPLE}")
    file = folder / weights["file"]
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ValueError(f"[encoder] weights: {file} cannot be read: {reason_of(error)}") from error
    named = {"source": "file", "file": ENCODER_WEIGHTS, "sha256": digest}
    return {**settings, "weights": named}, file
