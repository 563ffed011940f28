"""One training, described by a TOML file.

seed = 1
[data]           where features and captions lie
[encoder]        written into the checkpoint as it stands
[decoder]        sizes, see captioning.decoder.config
[cross_entropy]  first stage: the next word of each caption
[self_critical]  second stage: the score of whole sentences
"""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from captioning.errors import TrainingError


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


@dataclass(frozen=True)
class CrossEntropyConfig:
    """batch: pictures, each with all its captions; average: decay of the weights' average."""

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
class TrainingConfig:
    """name: of the checkpoint that is made."""

    name: str
    data: DataConfig
    encoder: dict[str, Any]
    decoder: dict[str, Any]
    cross_entropy: CrossEntropyConfig = field(default_factory=CrossEntropyConfig)
    self_critical: SelfCriticalConfig = field(default_factory=SelfCriticalConfig)
    seed: int = 1

    @classmethod
    def load(cls, path: Path) -> "TrainingConfig":
        """Paths in the file are relative to its folder. Raises TrainingError."""
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
            return cls._from(settings, path.parent)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TrainingError(f"{path}: {error}") from error

    @classmethod
    def _from(cls, settings: dict[str, Any], folder: Path) -> "TrainingConfig":
        unknown = settings.keys() - {part.name for part in fields(cls)}
        if unknown:
            raise ValueError(f"no such section: {', '.join(sorted(unknown))}")
        data = dict(settings["data"])
        for name in ("features", "train", "dev"):
            data[name] = folder / data[name]
        data["views"] = tuple(data.get("views", DataConfig.views))
        return cls(
            name=settings["name"],
            data=DataConfig(**data),
            encoder=settings["encoder"],
            decoder=settings["decoder"],
            cross_entropy=CrossEntropyConfig(**settings.get("cross_entropy", {})),
            self_critical=SelfCriticalConfig(**settings.get("self_critical", {})),
            seed=settings.get("seed", 1),
        )
