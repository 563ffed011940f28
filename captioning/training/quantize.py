"""How a checkpoint's encoder may be rounded to 8-bit integers, measured on training pictures."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from captioning.checkpoint import Checkpoint
from captioning.encoder.encoder import from_config
from captioning.encoder.graph import Graph
from captioning.encoder.int8 import FILE
from captioning.errors import DatasetError, TrainingError
from captioning.pictures import Pixels, pixels_of
from captioning.training.picture_sets import PictureSet, find_picture_sets

PICTURES = 128


def quantize(checkpoint: str | Path, dataset: Path, *, pictures: int = PICTURES) -> Path:
    """Write the rounding into the checkpoint's folder, where it is found from then on.

    pictures: how many of the train split, spread evenly. Returns the file. Raises
    CheckpointError, WeightsError or DatasetError, TrainingError where OpenVINO is missing.
    """
    if not find_spec("openvino"):
        raise TrainingError("OpenVINO is not installed: install requirements/openvino.txt")
    from captioning.encoder.openvino_int8 import measure

    opened = Checkpoint.open(checkpoint)
    encoder = from_config(opened.config.encoder, opened.folder)
    sets = find_picture_sets(dataset)
    if "train" not in sets:
        raise DatasetError(dataset, "has no pictures of the split train")
    seen = _spread(sets["train"], pictures, encoder.input_size)
    path = opened.folder / FILE
    measure(Graph(encoder), seen).save(path, opened.config.encoder)
    return path


def _spread(pictures: PictureSet, count: int, size: int) -> list[Pixels]:
    if not pictures.names:
        raise DatasetError(Path("train"), "holds no picture")
    chosen = np.linspace(0, len(pictures.names) - 1, min(count, len(pictures.names)), dtype=int)
    return [pixels_of(pictures.read(pictures.names[place]), size) for place in chosen]
