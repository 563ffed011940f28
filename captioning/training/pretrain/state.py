"""Where a pretraining stopped, as one file that is replaced as a whole."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from captioning.errors import DivergedError, TrainingError
from captioning.tensor_files import write_tensors

Variables = Mapping[str, Any]


def variables_of(distiller: Any, optimizer: Any) -> dict[str, Any]:
    """All that learning changes, by part and place."""
    parts = {"distiller": distiller.variables, "optimizer": optimizer.variables}
    return {f"{part}/{i}": v for part, group in parts.items() for i, v in enumerate(group)}


def save_state(path: Path, variables: Variables, *, step: int, best: float) -> None:
    """step: the next one; best: average precision of the kept encoder.

    Raises DivergedError instead of writing weights that are no numbers, OSError that names
    the file where it cannot be written.
    """
    tensors = {name: np.array(value.numpy()) for name, value in variables.items()}
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise DivergedError
    write_tensors(path, tensors, {"facts": json.dumps({"step": step, "best": best})})


def load_state(path: Path, variables: Variables) -> tuple[int, float]:
    """Fill the variables; step and best as they were saved, 0 and -1 where nothing was.

    Raises TrainingError where the file belongs to another network.
    """
    if not path.exists():
        return 0, -1.0
    try:
        with safe_open(path, framework="numpy") as file:
            facts = json.loads(file.metadata()["facts"])
            for name, variable in variables.items():
                variable.assign(file.get_tensor(name))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        reason = f"{path} is not the state of this training ({error}); choose a new folder"
        raise TrainingError(reason) from error
    return int(facts["step"]), float(facts["best"])
