"""How an encoder is rounded to 8-bit integers: measured once, kept beside a checkpoint.

Weights are rounded per channel, which needs nothing but the weights. What flows into each
convolution is rounded too, between the least and the greatest value that it had over some
training pictures; and as rounding shifts what comes out on average, channel by channel, the
shift is measured as well, to be added again (Nagel et al. 2019,
https://arxiv.org/abs/1906.04721, section 4.2).

The file is safetensors: numbers by name, for the encoder that its metadata describe.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from captioning.errors import WeightsError
from captioning.tensor_files import fault_of, write_tensors

FILE = "int8.safetensors"
# Without the file a checkpoint captions in the floating point that it was trained in.
REMEDY = (
    "run captions quantize on the checkpoint again, or delete the file to caption without "
    "8-bit integers"
)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Rounding:
    """For N convolutions in the order of the graph.

    low, high: (N,), the range of what flows into each. shift: for each a vector as long as it
    has channels, to be added to what comes out. file: where it was read, for what is said of it.
    """

    low: Floats
    high: Floats
    shift: tuple[Floats, ...]
    file: Path = Path(FILE)

    def save(self, path: Path, encoder: Mapping[str, Any]) -> None:
        """encoder: its config, without which the numbers mean nothing. Raises OSError."""
        tensors = {"low": self.low, "high": self.high}
        tensors |= {f"shift.{number}": vector for number, vector in enumerate(self.shift)}
        write_tensors(path, tensors, {"encoder": _described(encoder)})

    @classmethod
    def load(cls, path: Path, encoder: Mapping[str, Any]) -> "Rounding":
        """Raises `WeightsError` where the file cannot be read or is for another encoder."""
        try:
            with safe_open(path, "numpy") as stored:
                described = (stored.metadata() or {}).get("encoder")
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise WeightsError(path, f"{fault_of(path, error)}; {REMEDY}") from error
        if described != _described(encoder):
            raise WeightsError(path, f"it is for another encoder; {REMEDY}")
        if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
            raise WeightsError(path, f"it holds a value that is not a number; {REMEDY}")
        try:
            shift = tuple(tensors[f"shift.{number}"] for number in range(len(tensors["low"])))
            return cls(tensors["low"], tensors["high"], shift, path)
        except KeyError as error:
            raise WeightsError(path, f"it lacks {error}; {REMEDY}") from error


def _described(encoder: Mapping[str, Any]) -> str:
    return json.dumps(encoder, sort_keys=True)
