"""Tensors on disk: a safetensors file is there as a whole, or as it was before."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save_file


def write_tensors(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: dict[str, str] | None = None
) -> None:
    """Replace the file. Raises OSError that names it, such as on a full disk."""
    part = path.with_name(f"{path.name}.partial")
    try:
        save_file(dict(tensors), part, metadata=metadata)
    except SafetensorError as error:
        raise OSError(f"{path} cannot be written: {error}") from error
    part.replace(path)
