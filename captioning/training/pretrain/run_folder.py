"""The files of a run, and what may not happen to them."""

import json
from dataclasses import asdict
from pathlib import Path

import keras

from captioning.checkpoint import write_json
from captioning.encoder.encoder import ResNet50
from captioning.encoder.sources import FileWeights
from captioning.encoder.weights import save_weights
from captioning.errors import TrainingError
from captioning.output_places import make_folder
from captioning.training.pretrain.config import PretrainConfig
from captioning.training.pretrain.figures import Figures

ENCODER, STATE = "encoder.safetensors", "state.safetensors"
METRICS, CURVES = "metrics.json", "curves.png"


def claim_run(run: Path, config: PretrainConfig) -> None:
    """Make the folder this training's. Raises TrainingError where it is another one's,
    OutputError where it cannot be made."""
    make_folder(run)
    path, wanted = run / "config.json", config.to_dict()
    if not path.exists():
        write_json(path, wanted)
    found = json.loads(path.read_text(encoding="utf-8"))
    # More passes or another rate is the same training going on; another student is not.
    for part in ("data", "teacher", "student", "seed"):
        if found[part] != wanted[part]:
            raise TrainingError(f"{path}: begun with another {part}; choose a new folder")
    if max(each["size"] for each in found["rounds"]) != config.largest:
        raise TrainingError(f"{path}: crops are kept at another size; choose a new folder")


def kept_precision(run: Path) -> float:
    """Average precision of the encoder that lies in the run folder, -1 where there is none.

    Raises TrainingError where an encoder is there and nothing says how good it is.
    """
    if not (run / ENCODER).exists():
        return -1.0
    try:
        metrics = json.loads((run / METRICS).read_text(encoding="utf-8"))
        return float(metrics["average_precision"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{run / METRICS} does not say how good {ENCODER} is ({error})"
        raise TrainingError(f"{reason}; choose a new folder") from error


def keep_encoder(run: Path, network: keras.Model, figures: Figures, *, size: int) -> None:
    """Weights, how to use them, and how good they are: `captions encode --weights` takes them."""
    save_weights(network, run / ENCODER)
    encoder = ResNet50(size, "centred", FileWeights.of(run / ENCODER))
    write_json(run / "encoder.json", encoder.config)
    write_json(run / METRICS, {"split": "dev", "size": size, **asdict(figures)})
