"""Weights of a Keras model as safetensors, by Keras's own names (`conv1_conv/kernel`).

What was learnt is kept in float16, which halves the file and costs less than the network's
own noise; BatchNorm's statistics stay float32 unless float16 holds them exactly, because a
variance near zero does not survive float16. Reading such a file cannot run code, and every
misfit is refused.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from captioning.errors import WeightsError
from captioning.tensor_files import fault_of, write_tensors

COPY = "name a whole safetensors file of an encoder, or copy this one anew"


def save_weights(model: keras.Model, path: Path) -> None:
    """Write every weight of the model, in as few bytes as it needs.

    Raises OSError that names the file where it cannot be written.
    """
    tensors = {_name(variable): _stored(variable) for variable in model.variables}
    write_tensors(path, tensors)


def load_weights(model: keras.Model, path: Path) -> None:
    """Fill every weight of the model, or raise `WeightsError` that names file and weight."""
    tensors = read_tensors(path)
    variables = {_name(variable): variable for variable in model.variables}
    if not variables.keys() & tensors.keys():
        raise WeightsError(path, f"is not of {model.name}; name the network that it was made for")
    missing, unknown = variables.keys() - tensors.keys(), tensors.keys() - variables.keys()
    if missing:
        raise WeightsError(path, f"{min(missing)} is missing ({len(missing)} in all)")
    if unknown:
        raise WeightsError(path, f"{min(unknown)} belongs to another network")
    for name, variable in variables.items():
        _require_fit(path, name, tensors[name], tuple(variable.shape))
        variable.assign(tensors[name].astype(variable.dtype))


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """By name; `WeightsError` where the file is missing or is not safetensors."""
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise WeightsError(path, f"{fault_of(path, error)}; {COPY}") from error


def _require_fit(path: Path, name: str, tensor: NDArray[Any], shape: tuple[int, ...]) -> None:
    if tensor.shape != shape:
        raise WeightsError(path, f"{name} has the shape {tensor.shape}, not {shape}")
    if not np.isfinite(tensor).all():
        raise WeightsError(path, f"{name} holds a value that is not a number")


def _name(variable: Any) -> str:
    return "/".join(variable.path.split("/")[-2:])


def _stored(variable: Any) -> NDArray[Any]:
    values = np.asarray(variable.numpy(), np.float32)
    with np.errstate(over="ignore"):
        short = values.astype(np.float16)
    statistic = variable.path.endswith(("moving_mean", "moving_variance"))
    enough = not statistic or np.array_equal(short, values)
    return np.ascontiguousarray(short if enough else values)
