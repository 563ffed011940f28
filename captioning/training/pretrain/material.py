"""What a pretraining learns from: pictures, words, and what the teacher says of the crops."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from captioning.training.captioned import CaptionedPictures
from captioning.training.pace import Pace
from captioning.training.pretrain.config import PretrainConfig
from captioning.training.pretrain.distiller import MAPS
from captioning.training.pretrain.targets import Table, TargetCache
from captioning.training.pretrain.teacher import build_teacher
from captioning.training.pretrain.words import common_words, word_table


@dataclass(frozen=True)
class Progress:
    """what: such as `teacher, train-3` or `pass 4 of 20, step`; loss: None where the teacher is
    asked; rate: crops per second; seconds_left: of the teacher's view, or of the whole training.
    The last two are None while nobody can tell."""

    what: str
    done: int
    total: int
    loss: float | None
    rate: float | None
    seconds_left: float | None


Report = Callable[[Progress], None]


class Material:
    """train, dev: pictures; train_words, dev_words: (N, W); dev_table: dev's whole pictures."""

    def __init__(
        self,
        config: PretrainConfig,
        train: CaptionedPictures,
        dev: CaptionedPictures,
        folder: Path,
        report: Report,
    ) -> None:
        """Computes what is missing in `folder` for dev; for train when it is asked for."""
        self._config = config
        self.train, self.dev = train, dev
        words = common_words(self.train, minimum_count=config.data.minimum_count)
        self.train_words = word_table(self.train, words)
        self.dev_words = word_table(self.dev, words)
        self._cache = TargetCache(folder, config, build_teacher(config.teacher), _Asking(report))
        self._standard = self._cache.standard(self.train)
        (self.dev_table,) = self._cache.views(
            "dev", self.dev, self._standard, generation=0, views=1
        )
        self._generation = -1
        self._views: list[Table] = []

    def views(self, number: int) -> list[Table]:
        """The crops of train in this pass, each view as a table."""
        after = self._config.teacher.renewed_after
        generation = number // after if after else 0
        if generation != self._generation:
            count = self._config.teacher.views
            self._views = self._cache.views(
                "train", self.train, self._standard, generation=generation, views=count
            )
            self._cache.forget_before(generation)
            self._generation = generation
        return self._views

    @property
    def channels(self) -> dict[str, int]:
        """Of each target, by its name."""
        names = (*MAPS, "pooled", "classes")
        channels = {name: self.dev_table[name].shape[-1] for name in names}
        return {**channels, "words": self.train_words.shape[-1]}


class _Asking:
    """Reports how the teacher gets on, view by view."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._what, self._pace = "", Pace(0)

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._what, self._pace = what, Pace(total)
        rate, left = self._pace.rate(done), self._pace.seconds_left(done)
        self._report(Progress(f"teacher, {what}", done, total, None, rate, left))
