"""How a checkpoint's encoder may be rounded to 8-bit integers, measured on training pictures."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from captioning.checkpoint import Checkpoint
from captioning.encoder.encoder import from_config
from captioning.encoder.graph import Graph
from captioning.encoder.int8 import FILE
from captioning.errors import DatasetError, TrainingError
from captioning.output_places import require_writable
from captioning.pictures import PICTURE_ERRORS, Pixels, fault_of, pixels_of
from captioning.training.picture_sets import PictureSet, find_picture_sets

PICTURES = 128


def quantize(checkpoint: str | Path, dataset: Path, *, pictures: int = PICTURES) -> Path:
    """Write the rounding into the checkpoint's folder, where it is found from then on.

    pictures: how many of the train split, spread evenly. Returns the file. Raises
    CheckpointError, WeightsError, OutputError or DatasetError, TrainingError where OpenVINO is
    missing.
    """
    if not find_spec("openvino"):
        raise TrainingError("OpenVINO is not installed: install requirements/openvino.txt")
    from captioning.encoder.openvino_int8 import measure

    opened = Checkpoint.open(checkpoint)
    path = opened.folder / FILE
    require_writable(path)
    encoder = from_config(opened.config.encoder, opened.folder)
    sets = find_picture_sets(dataset)
    if "train" not in sets:
        raise DatasetError(dataset, "has no pictures of the split train")
    seen = _spread(dataset, sets["train"], pictures, encoder.input_size)
    measure(Graph(encoder), seen).save(path, opened.config.encoder)
    return path


def _spread(dataset: Path, pictures: PictureSet, count: int, size: int) -> list[Pixels]:
    if not pictures.names:
        raise DatasetError(dataset, "has no pictures of the split train")
    chosen = np.linspace(0, len(pictures.names) - 1, min(count, len(pictures.names)), dtype=int)
    return [_pixels(dataset, pictures, pictures.names[place], size) for place in chosen]


def _pixels(dataset: Path, pictures: PictureSet, name: str, size: int) -> Pixels:
    try:
        return pixels_of(pictures.read(name), size)
    except PICTURE_ERRORS as error:
        reason = f"the picture {name} of train cannot be read: {fault_of(error)}"
        raise DatasetError(dataset, f"{reason}; replace it or take it away") from error
