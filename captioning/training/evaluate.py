"""How good a checkpoint is on pictures with known captions."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from captioning.captioner import (
    Caption,
    Captioner,
    CaptionOptions,
    check_captioner,
    load_captioner,
)
from captioning.checkpoint import write_json
from captioning.output_places import make_folder
from captioning.training.calibration import human_threshold, reliability
from captioning.training.captioned import CaptionedPictures, read_pictures
from captioning.training.datasets import write_refused
from captioning.training.metrics import Interval, Scores, bleu, score
from captioning.training.picture_sets import PictureSet
from captioning.training.sheets import Entry, write_sheet
from captioning.vocabulary import sentence_of, words_of

CHUNK = 32
SHEET_ROWS = 40
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Advance = Callable[[int, int], None]  # pictures done, pictures in all


@dataclass(frozen=True)
class Evaluation:
    """metrics: with 95 % intervals; distinct: different sentences; calibration_error: of the
    confidence; report: what was read and refused."""

    metrics: dict[str, Interval]
    pictures: int
    distinct: int
    calibration_error: float
    report: str

    def to_dict(self) -> dict[str, object]:
        return {
            "pictures": self.pictures,
            "distinct": self.distinct,
            "calibration_error": round(self.calibration_error, 4),
            **{name: interval.to_dict() for name, interval in self.metrics.items()},
        }


@dataclass(frozen=True)
class _Said:
    names: list[str]
    captions: list[Caption]
    references: list[list[tuple[str, ...]]]
    scores: Scores


def evaluate(
    checkpoint: str | Path,
    dataset: Path,
    *,
    split: str = "dev",
    beam_width: int = 3,
    output: Path | None = None,
    advance: Advance | None = None,
) -> Evaluation:
    """Caption every picture of a split and score what was said.

    output: folder for metrics.json, scores.csv, best.html, worst.html, reliability.png and the
    list of what was refused.
    Raises DatasetError, CheckpointError, WeightsError or OutputError.
    """
    check_captioner(checkpoint)
    if output:
        make_folder(output)
    pictures = read_pictures(dataset, split)
    captioner = load_captioner(checkpoint)
    said = _caption(captioner, pictures, CaptionOptions(beam_width), advance)
    confidence = np.array([caption.confidence for caption in said.captions])
    good = said.scores.cider_d >= human_threshold(said.references)
    evaluation = Evaluation(
        metrics=said.scores.intervals(),
        pictures=len(said.names),
        distinct=len({caption.text for caption in said.captions}),
        calibration_error=reliability(confidence, good).error,
        report=pictures.captions.report(),
    )
    if output:
        _write(output, evaluation, said, pictures.files)
        write_refused(output, split, pictures.captions)
        from captioning.training.plots import plot_reliability

        plot_reliability(reliability(confidence, good), output / "reliability.png")
    return evaluation


def _caption(
    captioner: Captioner,
    pictures: CaptionedPictures,
    options: CaptionOptions,
    advance: Advance | None,
) -> _Said:
    captions = pictures.captions
    names, said = [], []
    waiting = iter(captions.by_picture)
    while chunk := list(islice(waiting, CHUNK)):
        prepared = [captioner.prepare(pictures.files.read(name)) for name in chunk]
        said += captioner.caption(prepared, options)
        names += chunk
        if advance:
            advance(len(names), len(captions.by_picture))
    references = [captions.by_picture[name] for name in names]
    scores = score([words_of(caption.text) for caption in said], references)
    return _Said(names, said, references, scores)


def _write(output: Path, evaluation: Evaluation, said: _Said, pictures: PictureSet) -> None:
    write_json(output / "metrics.json", evaluation.to_dict())
    _write_scores(output / "scores.csv", said)
    order = np.argsort(said.scores.cider_d, kind="stable")
    for name, rows in (("worst", order[:SHEET_ROWS]), ("best", order[::-1][:SHEET_ROWS])):
        entries = [_entry(said, int(row), pictures) for row in rows]
        write_sheet(output / f"{name}.html", f"The {name} captions by CIDEr-D", entries)


def _write_scores(path: Path, said: _Said) -> None:
    bleu_4 = bleu(said.scores.counts)[:, 3]
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(
            ["picture", "caption", "confidence", "CIDEr-D", "METEOR-stem", "ROUGE-L", "BLEU-4"]
        )
        for row, (name, caption) in enumerate(zip(said.names, said.captions, strict=True)):
            figures = (
                caption.confidence,
                said.scores.cider_d[row],
                said.scores.meteor_stem[row],
                said.scores.rouge_l[row],
                bleu_4[row],
            )
            table.writerow([_cell(name), caption.text, *(f"{figure:.4f}" for figure in figures)])


def _cell(text: str) -> str:
    """Spreadsheets compute what begins like a formula; a quote before it keeps it a text."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _entry(said: _Said, row: int, pictures: PictureSet) -> Entry:
    caption = said.captions[row]
    note = (
        f"{said.names[row]}, CIDEr-D {said.scores.cider_d[row]:.2f}, "
        f"confidence {caption.confidence:.2f}"
    )
    references = [sentence_of(words) for words in said.references[row]]
    return Entry(pictures.read(said.names[row]), caption.text, references, note)


def metrics_table(metrics: dict[str, Interval]) -> Sequence[str]:
    """One line per metric: value and interval."""
    return [
        f"{name:11} {interval.value:.4f}  ({interval.low:.4f} to {interval.high:.4f})"
        for name, interval in metrics.items()
    ]
