"""One fine-tuning, described by a TOML file.

name = "resnet50-lstm"
start = "runs/decoder/best/resnet50-lstm"    a checkpoint; both of its networks go on learning
seed = 1
[data]         dataset = folder of pictures, train and dev = files of captions
[fine_tune]    how long and how fast
"""

from dataclasses import dataclass, field
from pathlib import Path

from captioning.training.config_files import ConfigFile, Count, File, Folder, FolderName, Share


@dataclass(frozen=True)
class PictureConfig:
    """dataset: what `captions encode` reads; longest: words, the rest is cut off in training."""

    dataset: Path
    train: File
    dev: File
    longest: Count = 20


@dataclass(frozen=True)
class FineTuneConfig:
    """batch: pictures, each with all its captions; frozen: beginnings of the names of the
    encoder's layers that stay as they are; average: decay of the weights' average."""

    passes: Count = 4
    batch: Count = 32
    encoder_rate: float = 1e-4
    decoder_rate: float = 4e-4
    warm_up: Share = 0.1
    weight_decay: float = 0.05
    label_smoothing: Share = 0.1
    clip: float = 1.0
    average: Share = 0.995
    patience: Count = 3
    frozen: tuple[str, ...] = ("conv1_", "conv2_")


@dataclass(frozen=True)
class FineTuningConfig(ConfigFile):
    """name: of the checkpoint that is made; start: the one that it begins with."""

    name: FolderName
    start: Folder
    data: PictureConfig
    fine_tune: FineTuneConfig = field(default_factory=FineTuneConfig)
    seed: int = 1
