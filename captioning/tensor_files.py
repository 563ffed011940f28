"""Tensors on disk: a safetensors file is there as a whole, or as it was before.

A tensor may be kept as 8-bit integers and the steps that they count: half of float16.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from captioning.errors import reason_of


def write_tensors(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: dict[str, str] | None = None
) -> None:
    """Replace the file. Raises OSError that names it, such as on a full disk."""
    part = path.with_name(f"{path.name}.partial")
    # The library's own `save_file` makes files that no other account can read.
    try:
        part.write_bytes(save(dict(tensors), metadata=metadata))
        part.replace(path)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}") from error


def fault_of(path: Path, error: Exception) -> str:
    """Why tensors cannot be read, in words. error: an OSError or what safetensors raises."""
    if not path.is_file():
        return "there is no such file"
    if isinstance(error, OSError):
        return f"cannot be read: {reason_of(error)}"
    return f"is damaged, or no file of tensors ({error})"


def in_steps(
    values: NDArray[np.float32], axes: tuple[int, ...]
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """values ≈ integers · steps; a step is a 127th of the greatest value along the axes."""
    steps = np.abs(values).max(axes, keepdims=True) / np.float32(127)
    steps = np.maximum(steps, np.finfo(np.float32).tiny)  # where all values are zero
    return np.rint(values / steps).astype(np.int8), steps.astype(np.float32, copy=False)
