"""A checkpoint: a folder of config.json, vocabulary.json, *.safetensors and metrics.json.

Nothing in it is code, and nothing in it is taken on trust: sizes follow from config.json,
every tensor must have the name and shape that they imply, and the vocabulary must be as
long as the word layer is wide.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from captioning.confidence import Calibration
from captioning.decoder.config import DecoderConfig
from captioning.encoder import int8
from captioning.errors import CheckpointError, reason_of
from captioning.search_rules import SearchRules
from captioning.tensor_files import fault_of, in_steps, write_tensors
from captioning.vocabulary import Vocabulary

SHIPPED = Path(__file__).parent / "checkpoints"
CONFIG, VOCABULARY, METRICS = "config.json", "vocabulary.json", "metrics.json"
DECODER_WEIGHTS, ENCODER_WEIGHTS = "decoder.safetensors", "encoder.safetensors"
STEPS = ".steps"
FORMAT = 1
_COPY = "copy the checkpoint anew"

Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class CheckpointConfig:
    """encoder: what `captioning.encoder` needs to build it; cells: of its grid; search: how it
    captions best."""

    name: str
    encoder: dict[str, Any]
    decoder: DecoderConfig
    cells: int
    search: SearchRules
    calibration: Calibration

    def to_dict(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "encoder": self.encoder,
            "decoder": self.decoder.to_dict(),
            "cells": self.cells,
            "search": self.search.to_dict(),
            "calibration": self.calibration.to_dict(),
        }


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as it was read: folder, config, vocabulary, metrics and hash."""

    folder: Path
    config: CheckpointConfig
    vocabulary: Vocabulary
    metrics: dict[str, Any]
    sha256: str

    @classmethod
    def open(cls, checkpoint: str | Path) -> "Checkpoint":
        """By the name of a shipped one, or by path. Raises CheckpointError."""
        folder = find_checkpoint(checkpoint)
        config = _read_config(folder / CONFIG)
        vocabulary = Vocabulary.load(folder / VOCABULARY)
        if len(vocabulary) != config.decoder.vocabulary:
            raise CheckpointError(
                folder / VOCABULARY,
                f"has {len(vocabulary)} words, the decoder was made for "
                f"{config.decoder.vocabulary}",
            )
        metrics = read_json(folder / METRICS)
        return cls(folder, config, vocabulary, metrics, _hash_folder(folder))

    def load_decoder(self, policy: str = "float32") -> Any:
        """The decoder with its weights, to search with. policy: Keras's name of the number
        format. Imports TensorFlow."""
        from captioning.decoder import make_decoder

        decoder = make_decoder(self.config.decoder, self.config.cells, policy)
        fill(decoder.weights, self.folder / DECODER_WEIGHTS)
        decoder.settle()
        return decoder

    def load_rounding(self) -> int8.Rounding | None:
        """How its encoder may be rounded to 8-bit integers; None where nobody measured it.

        Raises `WeightsError` where the file is for another encoder, or broken.
        """
        path = self.folder / int8.FILE
        return int8.Rounding.load(path, self.config.encoder) if path.is_file() else None


def find_checkpoint(checkpoint: str | Path) -> Path:
    """A bare name is looked for among the shipped ones first. Raises CheckpointError."""
    shipped = SHIPPED / checkpoint
    folder = shipped if len(Path(checkpoint).parts) == 1 and shipped.is_dir() else Path(checkpoint)
    if not folder.is_dir():
        names = sorted(path.name for path in SHIPPED.iterdir() if path.is_dir())
        raise CheckpointError(
            folder, f"no such folder; shipped are, by their bare names: {', '.join(names)}"
        )
    inside = sorted(folder.glob(f"best/*/{CONFIG}"))
    if inside and not (folder / VOCABULARY).exists():
        raise CheckpointError(folder, f"is a run folder; its checkpoint is {inside[0].parent}")
    if not (folder / CONFIG).is_file():
        raise CheckpointError(folder, f"is no checkpoint, for it has no {CONFIG}")
    return folder


def save_checkpoint(
    folder: Path,
    config: CheckpointConfig,
    vocabulary: Vocabulary,
    decoder: Any,
    metrics: dict[str, Any],
    *,
    encoder_file: Path | None = None,
    rounded: bool = False,
) -> None:
    """Write a checkpoint, complete or not at all; one that stands there is replaced.

    encoder_file: the encoder's weights, where the checkpoint is to carry them itself. rounded:
    keep the decoder's matrices as 8-bit integers, in half of the space.
    """
    fresh = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    if encoder_file:
        shutil.copyfile(encoder_file, fresh / ENCODER_WEIGHTS)
    write_json(fresh / CONFIG, config.to_dict())
    write_json(fresh / METRICS, metrics)
    vocabulary.save(fresh / VOCABULARY)
    write_tensors(fresh / DECODER_WEIGHTS, weights_of(decoder, rounded=rounded))
    if folder.is_dir():
        shutil.rmtree(folder)
    fresh.rename(folder)


def weights_of(network: Any, *, rounded: bool = False) -> Tensors:
    """The network's weights by name, in float16; if rounded, matrices as 8-bit integers, with
    a step for each row or each column, whichever are more."""
    tensors: Tensors = {}
    for weight in network.weights:
        values = np.asarray(weight.numpy(), np.float32)
        if rounded and values.ndim == 2:
            integers, steps = in_steps(values, (int(values.shape[0] > values.shape[1]),))
            tensors |= {weight.path: integers, weight.path + STEPS: steps}
        else:
            tensors[weight.path] = values.astype(np.float16)
    return tensors


def fill(weights: list[Any], path: Path) -> None:
    """Put the tensors of a file into variables. Raises CheckpointError on every misfit."""
    tensors = _counted_out(path, read_tensors(path))
    expected = {weight.path: weight for weight in weights}
    if missing := sorted(expected.keys() - tensors.keys()):
        raise CheckpointError(path, f"lacks {missing[0]} and {len(missing) - 1} more tensors")
    if surplus := sorted(tensors.keys() - expected.keys()):
        raise CheckpointError(path, f"has {surplus[0]}, which this network does not")
    for name, weight in expected.items():
        tensor = tensors[name]
        if tensor.shape != tuple(weight.shape):
            raise CheckpointError(
                path, f"{name} has shape {tensor.shape}, expected {tuple(weight.shape)}"
            )
        if not np.isfinite(tensor).all():
            raise CheckpointError(path, f"{name} holds values that are no numbers")
        weight.assign(tensor.astype(np.float32))


def round_off(network: Any, *, rounded: bool = False) -> None:
    """Give the network the weights that its file will hold, so that those are judged."""
    kept = _counted_out(Path(DECODER_WEIGHTS), weights_of(network, rounded=rounded))
    for weight in network.weights:
        weight.assign(kept[weight.path].astype(np.float32))


def _counted_out(path: Path, tensors: Tensors) -> Tensors:
    """Without steps: what was kept as integers of them is multiplied with them."""
    whole = {name: tensor for name, tensor in tensors.items() if not name.endswith(STEPS)}
    for name, tensor in whole.items():
        if tensor.dtype == np.int8 and name + STEPS not in tensors:
            raise CheckpointError(path, f"{name} is in steps, and lacks {name + STEPS}")
    for name in tensors.keys() - whole.keys():
        integers, steps = whole.get(name.removesuffix(STEPS)), tensors[name]
        if integers is None or not _fits(steps.shape, integers.shape):
            raise CheckpointError(path, f"{name} are steps of nothing that is there")
        whole[name.removesuffix(STEPS)] = integers * steps
    return whole


def _fits(steps: tuple[int, ...], integers: tuple[int, ...]) -> bool:
    return len(steps) == len(integers) and all(
        step in (1, size) for step, size in zip(steps, integers, strict=True)
    )


def read_tensors(path: Path) -> Tensors:
    """Raises CheckpointError where the file is missing or is not safetensors."""
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(path, f"{fault_of(path, error)}; {_COPY}") from error


def _read_config(path: Path) -> CheckpointConfig:
    settings = read_json(path)
    if settings.pop("format", None) != FORMAT:
        raise CheckpointError(path, f"is not of format {FORMAT}")
    try:
        decoder = DecoderConfig.from_dict(settings.pop("decoder"))
        calibration = Calibration.from_dict(settings.pop("calibration"))
        search = SearchRules.from_dict(settings.pop("search"))
        return CheckpointConfig(decoder=decoder, search=search, calibration=calibration, **settings)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(path, f"does not describe a checkpoint: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Raises CheckpointError where the file is missing or holds no JSON object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(path, f"cannot be read: {reason_of(error)}; {_COPY}") from error
    if not isinstance(content, dict):
        raise CheckpointError(path, "is not a JSON object")
    return content


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _hash_folder(folder: Path) -> str:
    """Over the names and contents of the files that decide what is said."""
    digest = hashlib.sha256()
    for name in (CONFIG, VOCABULARY, DECODER_WEIGHTS, ENCODER_WEIGHTS, int8.FILE):
        path = folder / name
        if path.is_file():
            digest.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
