"""Run the encoder once over every picture of a data set, and keep what it said.

    picture → pixels of a view → encoder → grid (G·G, C) and its mean (C), float16

A training reads a picture's grid in every pass, and the encoder is by far the dearer part.
"""

import io
import shutil
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from captioning.buckets import BUCKETS, padded
from captioning.encoder.encoder import Encoder
from captioning.encoder.execution import CompiledEncoder, compile_encoder
from captioning.encoder.sources import FileWeights
from captioning.errors import FeaturesError
from captioning.pictures import PICTURE_ERRORS, Pixels, fault_of
from captioning.training.feature_files import (
    Refused,
    ViewWriter,
    claim_folder,
    is_complete,
    read_pooled,
    read_refused,
)
from captioning.training.feature_pickles import write_features
from captioning.training.pace import Pace
from captioning.training.picture_sets import PictureSet, find_picture_sets
from captioning.training.views import VIEWS, View

_BATCH = BUCKETS[-1]


@dataclass(frozen=True)
class EncodeProgress:
    """view: such as `train_flip`; done, total: its pictures; seconds_left: until it is done, None
    at its beginning."""

    view: str
    done: int
    total: int
    seconds_left: float | None


Report = Callable[[EncodeProgress], None]


def encode_dataset(
    dataset: Path,
    folder: Path,
    encoder: Encoder,
    report: Report,
    train_views: Sequence[str] = ("whole", "flip"),
) -> list[Refused]:
    """Encode every split into `folder`; returns the pictures that could not be read.

    train_views: of `VIEWS`; dev and test are encoded whole. A run after a kill goes on where
    that one was. Raises `DatasetError` for a data set without pictures, `FeaturesError` for
    a folder with another encoder's features. Weights from a file are copied beside the
    features, so that a checkpoint can be made from this folder alone.
    """
    sets = find_picture_sets(dataset)
    if "train" in sets and not ("whole" in train_views or is_complete(folder, "train")):
        raise FeaturesError(folder, "has no whole pictures of train yet; add whole to --views")
    claim_folder(folder, encoder.config)
    _keep_weights(encoder, folder)
    compiled = compile_encoder(encoder)
    refused: set[Refused] = set()
    for split, pictures in sets.items():
        for view in train_views if split == "train" else ("whole",):
            name = split if view == "whole" else f"{split}_{view}"
            if not is_complete(folder, name):
                _Run(compiled, encoder, pictures, VIEWS[view], name)(folder, report)
            refused.update(read_refused(folder, name))
    _write_pickles(folder, sets.keys())
    return sorted(refused, key=lambda each: each.name)


@dataclass(frozen=True)
class _Run:
    """One view of one split, from the first picture that is not encoded yet to the last."""

    encode: CompiledEncoder
    encoder: Encoder
    pictures: PictureSet
    view: View
    name: str

    def __call__(self, folder: Path, report: Report) -> None:
        writer = ViewWriter(folder, self.name, self.encoder.side**2, self.encoder.channels)
        try:
            self._write(writer, report)
        except BaseException:
            writer.close()
            raise
        writer.complete()

    def _write(self, writer: ViewWriter, report: Report) -> None:
        names, pace = self.pictures.names, Pace(len(self.pictures.names))
        with ThreadPoolExecutor() as decoders:
            while batch := names[writer.seen : writer.seen + _BATCH]:
                self._write_batch(writer, batch, list(decoders.map(self._pixels, batch)))
                left = pace.seconds_left(writer.seen)
                report(EncodeProgress(self.name, writer.seen, len(names), left))

    def _write_batch(
        self, writer: ViewWriter, names: Sequence[str], decoded: Sequence[Pixels | Refused]
    ) -> None:
        outcomes = [
            each if isinstance(each, Refused) else name
            for name, each in zip(names, decoded, strict=True)
        ]
        writer.append(outcomes, self._grid([e for e in decoded if not isinstance(e, Refused)]))

    def _grid(self, pictures: Sequence[Pixels]) -> NDArray[np.float32]:
        if not pictures:
            return np.empty((0, self.encoder.side**2, self.encoder.channels), np.float32)
        return self.encode(padded(np.stack(pictures)))[: len(pictures)]

    def _pixels(self, name: str) -> Pixels | Refused:
        try:
            with Image.open(io.BytesIO(self.pictures.read(name))) as image:
                return self.view(image, name, self.encoder.input_size)
        except PICTURE_ERRORS as error:
            return Refused(name, fault_of(error))


def _keep_weights(encoder: Encoder, folder: Path) -> None:
    source = encoder.weights
    if isinstance(source, FileWeights) and not (folder / source.path.name).exists():
        part = folder / f"{source.path.name}.partial"
        shutil.copyfile(source.path, part)
        part.replace(folder / source.path.name)


def _write_pickles(folder: Path, splits: Collection[str]) -> None:
    """As the seed's scripts read them: train, and test (dev where there is no test split)."""
    held_out = "test" if "test" in splits else "dev"
    for name, split in (("train", "train"), ("test", held_out)):
        if split in splits:
            pooled = read_pooled(folder, split)
            write_features(folder / f"encoded_{name}_features.pkl", pooled)
