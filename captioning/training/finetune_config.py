"""One fine-tuning, described by a TOML file.

name = "resnet50-lstm"
start = "runs/decoder/best/resnet50-lstm"    a checkpoint; both of its networks go on learning
seed = 1
[data]         dataset = folder of pictures, train and dev = files of captions
[fine_tune]    how long and how fast
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from captioning.training.config_files import (
    build_section,
    read_config,
    require_captions,
    require_plain_name,
    require_start,
)


@dataclass(frozen=True)
class PictureConfig:
    """dataset: what `captions encode` reads; longest: words, the rest is cut off in training."""

    dataset: Path
    train: Path
    dev: Path
    longest: int = 20


@dataclass(frozen=True)
class FineTuneConfig:
    """batch: pictures, each with all its captions; frozen: beginnings of the names of the
    encoder's layers that stay as they are; average: decay of the weights' average."""

    passes: int = 4
    batch: int = 32
    encoder_rate: float = 1e-4
    decoder_rate: float = 4e-4
    warm_up: float = 0.1
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    clip: float = 1.0
    average: float = 0.995
    patience: int = 3
    frozen: tuple[str, ...] = ("conv1_", "conv2_")


@dataclass(frozen=True)
class FineTuningConfig:
    """name: of the checkpoint that is made; start: the one that it begins with."""

    name: str
    start: Path
    data: PictureConfig
    fine_tune: FineTuneConfig = field(default_factory=FineTuneConfig)
    seed: int = 1

    def __post_init__(self) -> None:
        require_plain_name(self.name)

    @classmethod
    def load(cls, path: Path) -> "FineTuningConfig":
        """Paths in the file are relative to its folder. Raises TrainingError."""
        return read_config(path, cls._from)

    @classmethod
    def _from(cls, settings: dict[str, Any], folder: Path) -> "FineTuningConfig":
        config = build_section(cls, settings, folder)
        require_captions(config.data.train, config.data.dev)
        require_start(config.start)
        return config
