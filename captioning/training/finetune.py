"""Fine-tuning: encoder and decoder learn together, from pictures.

    crops of pictures → encoder (BatchNorm folded) → grid → decoder → loss of the next word

A checkpoint goes in, and the best of the passes comes out as a checkpoint that carries its
own encoder. The encoder learns slower than the decoder, and its first layers not at all:
what they see, edges and colours, is the same for every task.
"""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captioning.beam import Searcher
from captioning.checkpoint import (
    DECODER_WEIGHTS,
    ENCODER_WEIGHTS,
    Checkpoint,
    CheckpointConfig,
    fill,
    save_checkpoint,
    write_json,
)
from captioning.encoder.encoder import Encoder, from_config
from captioning.encoder.execution import learning_policy
from captioning.encoder.folding import unfold_into
from captioning.encoder.sources import FileWeights
from captioning.output_places import make_folder
from captioning.training.captioned import CaptionedPictures, read_pictures
from captioning.training.config_files import names_its_config
from captioning.training.datasets import Tell, report_captions
from captioning.training.examples import Examples, caption_table
from captioning.training.finetune_config import FineTuningConfig
from captioning.training.finish import caption_all, draw_curves, finish, rounded_scores
from captioning.training.joint import JointLearner, Rates
from captioning.training.learner import next_word_loss
from captioning.training.picture_sets import PictureSet
from captioning.training.stages import Report, in_words, run_stage, steps_of, write_row
from captioning.training.state import RunState
from captioning.training.views import View, crop, whole

AHEAD = 50  # dev pictures that go through the encoder at once

Pixels = NDArray[np.uint8]  # (B, S, S, 3)


@dataclass(frozen=True)
class PictureBatch:
    """pictures: their numbers (B,); pixels: (B, S, S, 3)."""

    pictures: NDArray[np.int64]
    pixels: Pixels


@names_its_config
def fine_tune(config_path: Path, run: Path, report: Report, tell: Tell) -> Path:
    """Fine-tune as configured, or go on where a killed run stopped; where the checkpoint is.

    tell: is told what was read and refused, and what each pass has reached. Raises
    TrainingError, DatasetError, CheckpointError, WeightsError, OutputError, and DivergedError
    when the loss is no number.
    """
    config = FineTuningConfig.load(config_path)
    make_folder(run)
    tuning = FineTuning(config, run, report, tell)
    rules = config.fine_tune
    steps = steps_of("fine_tune", tuning.train, rules) * rules.passes
    rates = Rates(rules.encoder_rate, rules.decoder_rate, rules.warm_up, rules.weight_decay)
    optimizer = tuning.learner.make_optimizers(rates, steps=steps, clip=rules.clip)
    step = tuning.learner.compile_step(
        next_word_loss(rules.label_smoothing), optimizer, average=rules.average
    )

    def learn(batch: PictureBatch, _number: int, _place: int) -> tuple[float, float]:
        value = float(step(batch.pixels, tuning.table[batch.pictures]))
        return value, value

    run_stage("fine_tune", tuning, optimizer, rules, learn)
    tuning.finish()
    return tuning.best


class FineTuning:
    """The networks, the pictures, and what was reached so far."""

    def __init__(self, config: FineTuningConfig, run: Path, report: Report, tell: Tell) -> None:
        self.config, self.run, self.report, self.tell = config, run, report, tell
        start = Checkpoint.open(config.start)
        self.state = RunState(run, start.folder / DECODER_WEIGHTS)
        self.state.require(config.name, ("fine_tune",))
        self.encoder = from_config(start.config.encoder, start.folder)
        self.network = self.encoder.build()
        self.learner = JointLearner(
            start.config.decoder,
            start.config.cells,
            network=self.network,
            policy=learning_policy(),
            frozen=config.fine_tune.frozen,
            seed=config.seed,
        )
        self.learner.begin_with(start.folder / DECODER_WEIGHTS)
        self.vocabulary = start.vocabulary
        self.checkpoint = replace(start.config, name=config.name)
        pictures = read_pictures(config.data.dataset, "train", config.data.train)
        dev = read_pictures(config.data.dataset, "dev", config.data.dev)
        report_captions(run, "train", pictures.captions, tell)
        report_captions(run, "dev", dev.captions, tell)
        self.pictures = pictures.files
        self.train = _without_grid(pictures)
        self.table = caption_table(self.train, self.vocabulary, config.data.longest)
        self._dev = _without_grid(dev)
        self._dev_pixels = pixels_of_all(dev.files, self._dev.names, whole, self.encoder)
        self.searcher = Searcher(self.learner.average, self.checkpoint.search)
        self.best = run / "best" / config.name

    def passing(self, size: int, number: int) -> Iterator[PictureBatch]:
        """A pass in random order, another crop of each picture in every pass."""
        order = np.random.default_rng((self.config.seed, number)).permutation(len(self.train))
        parts = [order[at : at + size] for at in range(0, len(order) - size + 1, size)]
        cut = reader(self.pictures, crop, self.encoder.input_size)
        with ThreadPoolExecutor() as readers:

            def begin(part: NDArray[np.int64]) -> list[Future[Pixels]]:
                names = [self.train.names[i] for i in part]
                return [readers.submit(cut, name, f"{name}/{number}") for name in names]

            ahead = begin(parts[0])
            for part, following in zip(parts, [*parts[1:], parts[0][:0]], strict=True):
                begun, ahead = ahead, begin(following)
                yield PictureBatch(part, np.stack([picture.result() for picture in begun]))

    def dev(self) -> Examples:
        """The dev pictures as the averaged encoder sees them."""
        parts = np.array_split(self._dev_pixels, max(1, len(self._dev_pixels) // AHEAD))
        grid = np.concatenate([self.learner.see_averaged(part) for part in parts])
        return replace(self._dev, views=(grid.astype(np.float16),))

    def end_pass(self, stage: str, number: int, loss: float, seconds: float) -> bool:
        """Evaluate, keep what is best so far; says whether this pass was."""
        dev = self.dev()
        metrics = rounded_scores(caption_all(self.searcher, dev, self.vocabulary), dev)
        better = metrics["CIDEr-D"] > self.state.best
        write_row(self.run, stage, number, loss, seconds, metrics)
        self.tell(in_words(stage, number, metrics, better=better))
        if better:
            self.state.best = metrics["CIDEr-D"]
            self._keep(metrics)
        draw_curves(self.run)
        return better

    def _keep(self, metrics: dict[str, float]) -> None:
        unfold_into(self.network, self.learner.encoder_average)
        file = self.run / ENCODER_WEIGHTS
        self.encoder.save(self.network, file)
        checkpoint = carrying(self.checkpoint, self.encoder, file)
        write_json(self.run / "config.json", checkpoint.to_dict())
        save_checkpoint(
            self.best,
            checkpoint,
            self.vocabulary,
            self.learner.average,
            metrics,
            encoder_file=file,
        )

    def finish(self) -> None:
        """Calibration, intervals and plots of the best pass, read back as it was written."""
        best = Checkpoint.open(self.best)
        fill(self.learner.average.weights, best.folder / DECODER_WEIGHTS)
        self.learner.see_with(from_config(best.config.encoder, best.folder).build())
        finish(
            self.best,
            best.config,
            self.vocabulary,
            self.learner.average,
            self.dev(),
            self.run,
            encoder_file=self.run / ENCODER_WEIGHTS,
        )


def carrying(config: CheckpointConfig, encoder: Encoder, file: Path) -> CheckpointConfig:
    """The config of a checkpoint that has its encoder's weights in this file."""
    weights = {**FileWeights.of(file).config, "file": ENCODER_WEIGHTS}
    return replace(config, encoder={**encoder.config, "weights": weights})


def reader(pictures: PictureSet, view: View, size: int) -> Callable[[str, str], Pixels]:
    """name, seed of the view → (S, S, 3)."""

    def read(name: str, seed: str) -> Pixels:
        with Image.open(io.BytesIO(pictures.read(name))) as image:
            return view(image, seed, size)

    return read


def pixels_of_all(
    pictures: PictureSet, names: tuple[str, ...], view: View, encoder: Encoder
) -> Pixels:
    """(N, S, S, 3)."""
    read = reader(pictures, view, encoder.input_size)
    with ThreadPoolExecutor() as readers:
        return np.stack(list(readers.map(read, names, names)))


def _without_grid(pictures: CaptionedPictures) -> Examples:
    groups = (pictures.captions.by_picture[name] for name in pictures.names)
    return Examples(pictures.names, (), tuple(map(tuple, groups)))
