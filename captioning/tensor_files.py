"""Tensors on disk: a safetensors file is there as a whole, or as it was before."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import save


def write_tensors(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: dict[str, str] | None = None
) -> None:
    """Replace the file. Raises OSError that names it, such as on a full disk."""
    part = path.with_name(f"{path.name}.partial")
    # The library's own `save_file` makes files that no other account can read.
    try:
        part.write_bytes(save(dict(tensors), metadata=metadata))
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}") from error
    part.replace(path)
