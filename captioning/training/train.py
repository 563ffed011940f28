"""Training: config → run folder with the best checkpoint.

After every pass the averaged weights caption the dev pictures; the pass with the best
CIDEr-D is kept. The state of the last pass lies in the run folder, and a run that was
killed goes on from there to the same end.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from captioning.beam import Searcher
from captioning.checkpoint import (
    DECODER_WEIGHTS,
    Checkpoint,
    CheckpointConfig,
    fill,
    save_checkpoint,
    write_json,
)
from captioning.confidence import Calibration
from captioning.decoder.config import DecoderConfig
from captioning.errors import CheckpointError
from captioning.output_places import make_folder
from captioning.search_rules import SearchRules
from captioning.training.config import TrainingConfig
from captioning.training.config_files import names_its_config, refused, too_rare
from captioning.training.datasets import Tell, report_captions
from captioning.training.examples import (
    Batch,
    Examples,
    batches,
    caption_table,
    load_examples,
    read_encoded,
    require_shape,
    split_of,
)
from captioning.training.feature_files import require_encoder, require_views
from captioning.training.finish import caption_all, draw_curves, finish, rounded_scores
from captioning.training.learner import (
    Learner,
    make_optimizer,
    next_word_loss,
    warm_cosine,
)
from captioning.training.run_log import cut_log
from captioning.training.selfcritical import Critic, advantage_loss, make_sampler
from captioning.training.stages import Report, in_words, run_stage, steps_of, write_row
from captioning.training.state import RunState
from captioning.vocabulary import MARKS, Vocabulary

MIXING = "mixing"


class Training:
    """What both stages share."""

    def __init__(self, config: TrainingConfig, run: Path, report: Report, tell: Tell) -> None:
        self.config = config
        self.run = run
        self.report, self.tell = report, tell
        views, features = config.data.views, config.data.features
        require_views(features, [split_of(views), *views, "dev"])
        require_encoder(features, config.encoder)
        start = Checkpoint.open(config.start) if config.start else None
        self.state = RunState(run, start.folder / DECODER_WEIGHTS if start else None)
        self.state.require(config.name, ("cross_entropy", "self_critical"))
        self.train = self._read(views, config.data.train, tell)
        self.dev = self._read(["dev"], config.data.dev, tell)
        require_shape(features / "dev.grid.npy", self.dev.views[0], self.train.views[0])
        self.vocabulary = start.vocabulary if start else self._count_words()
        cells, channels = self.train.views[0].shape[1:]
        known = {"vocabulary": len(self.vocabulary), "channels": channels}
        sizes = DecoderConfig.from_dict({**config.decoder, **known})
        self.learner = Learner(sizes, cells, seed=config.seed)
        if start:
            self._begin_with(start)
        self.checkpoint = CheckpointConfig(
            name=config.name,
            encoder=config.encoder,
            decoder=sizes,
            cells=cells,
            search=SearchRules(),
            calibration=Calibration.uncalibrated(),
        )
        self.table = caption_table(self.train, self.vocabulary, config.data.longest)
        self.searcher = Searcher(self.learner.average, SearchRules())
        self.best = run / "best" / config.name
        self.before_critical = run / "before_self_critical"

    def _begin_with(self, start: Checkpoint) -> None:
        try:
            self.learner.begin_with(start.folder / DECODER_WEIGHTS)
        except CheckpointError as error:
            lack = f"its {DECODER_WEIGHTS} does not fit the features or [decoder] of this training"
            allowed = f"{lack}; choose another start ({error.reason})"
            raise refused("start", start.folder, allowed) from error

    def _read(self, views: Sequence[str], file: Path, tell: Tell) -> Examples:
        captions = read_encoded(self.config.data.features, views, file)
        report_captions(self.run, split_of(views), captions, tell)
        return load_examples(self.config.data.features, views, captions.by_picture)

    def _count_words(self) -> Vocabulary:
        least = self.config.data.minimum_count
        captions = (words for group in self.train.captions for words in group)
        vocabulary = Vocabulary.of(captions, minimum_count=least)
        if len(vocabulary) == len(MARKS):
            raise too_rare(least)
        return vocabulary

    def passing(self, size: int, number: int) -> Iterator[Batch]:
        """The batches of a pass."""
        return batches(self.train, size, seed=self.config.seed, number=number)

    def evaluate(self) -> dict[str, float]:
        """The averaged weights on the dev pictures, beam 3."""
        return rounded_scores(caption_all(self.searcher, self.dev, self.vocabulary), self.dev)

    def end_pass(self, stage: str, number: int, loss: float, seconds: float) -> bool:
        """Evaluate, keep what is best so far; says whether this pass was."""
        metrics = self.evaluate()
        better = metrics["CIDEr-D"] > self.state.best
        write_row(self.run, stage, number, loss, seconds, metrics)
        self.tell(in_words(stage, number, metrics, better=better))
        if better:
            self.state.best = metrics["CIDEr-D"]
            self.keep(metrics)
        draw_curves(self.run)
        return better

    def keep(self, metrics: dict[str, float]) -> None:
        """The averaged weights as the run's checkpoint."""
        save_checkpoint(
            self.best,
            self.checkpoint,
            self.vocabulary,
            self.learner.average,
            metrics,
            encoder_file=self.config.encoder_file,
        )


@names_its_config
def train(config_path: Path, run: Path, report: Report, tell: Tell) -> None:
    """Train as configured, or go on where a killed run stopped.

    tell: is told what was read and refused, and what each pass has reached. Raises
    TrainingError, DatasetError, OutputError, and DivergedError when the loss is no number.
    """
    config = TrainingConfig.load(config_path)
    make_folder(run)
    training = Training(config, run, report, tell)
    write_json(run / "config.json", training.checkpoint.to_dict())
    if config.start and training.state.best < 0:
        cut_log(run, lambda _: True)
        training.end_pass("start", 0, 0.0, 0.0)
    cross_entropy(training)
    self_critical(training)
    mix(training)
    fill(training.learner.average.weights, training.best / DECODER_WEIGHTS)
    finish(
        training.best,
        training.checkpoint,
        training.vocabulary,
        training.learner.average,
        training.dev,
        run,
        encoder_file=config.encoder_file,
        rounded=config.rounded,
    )


def cross_entropy(training: Training) -> None:
    """First stage: the next word of every caption."""
    config = training.config.cross_entropy
    steps = steps_of("cross_entropy", training.train, config)
    schedule = warm_cosine(
        config.learning_rate, steps=steps * config.passes, warm_up=config.warm_up
    )
    optimizer = make_optimizer(schedule, weight_decay=config.weight_decay, clip=config.clip)
    loss = next_word_loss(config.label_smoothing)
    step = training.learner.compile_step(loss, optimizer, average=config.average)

    def learn(batch: Any, _number: int, _place: int) -> tuple[float, float]:
        value = float(step(batch.grid, training.table[batch.pictures]))
        return value, value

    run_stage("cross_entropy", training, optimizer, config, learn)


def self_critical(training: Training) -> None:
    """Second stage: the score of whole sentences, from the best averaged weights."""
    config = training.config.self_critical
    if not config.passes:
        return
    if not training.state.is_in("self_critical"):
        shutil.copytree(training.best, training.before_critical, dirs_exist_ok=True)
        fill(training.learner.average.weights, training.best / DECODER_WEIGHTS)
        training.learner.restart_from_average()
    optimizer = make_optimizer(
        config.learning_rate, weight_decay=config.weight_decay, clip=config.clip
    )
    step = training.learner.compile_step(advantage_loss, optimizer, average=config.average)
    sampler = make_sampler(
        training.learner.decoder,
        sentences=config.samples,
        longest=training.config.data.longest,
    )
    critic = Critic(training.train.captions, training.vocabulary, bleu_weight=config.bleu_weight)

    def learn(batch: Any, number: int, place: int) -> tuple[float, float]:
        seed = tf.constant([training.config.seed * 1000 + number, place * 1000], tf.int32)
        said = sampler(batch.grid, seed).numpy()
        mean, advantages = critic.advantages(batch.pictures, said)
        return float(step(batch.grid, said, advantages)), mean

    run_stage("self_critical", training, optimizer, config, learn)


def mix(training: Training) -> None:
    """Last: weights between those of the two stages, of which the best share is kept, where it
    is better than the best pass.

    As Wortsman et al. 2022 mix fine-tuned weights (https://arxiv.org/abs/2109.01903). What
    counts is the sum of CIDEr-D and BLEU-4: along the way one grows where the other falls.
    """
    shares = training.config.mixing.shares
    if not shares or training.state.stage != "self_critical":
        return
    cut_log(training.run, lambda row: row["stage"].startswith(MIXING))
    average = training.learner.average.weights
    critical = [weight.numpy() for weight in average]
    fill(average, training.before_critical / DECODER_WEIGHTS)
    plain = [weight.numpy() for weight in average]
    fill(average, training.best / DECODER_WEIGHTS)
    best = _reached(training.evaluate())
    for share in (0.0, *shares):
        for weight, one, other in zip(average, plain, critical, strict=True):
            weight.assign((1 - share) * one + share * other)
        metrics = training.evaluate()
        write_row(training.run, f"{MIXING} {share}", 0, 0.0, 0.0, metrics)
        if _reached(metrics) > best:
            best = _reached(metrics)
            training.keep(metrics)


def _reached(metrics: dict[str, float]) -> float:
    return metrics["CIDEr-D"] + metrics["BLEU-4"]
