"""The seed's `encoded_train_features.pkl`: a pickled dict, picture name → float32 vector.

A pickle is a program. Reading one back admits the handful of names that NumPy's arrays are
pickled with, binds them to inert values of ours, and refuses every other name.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captioning.errors import FeaturesError

Features = dict[str, NDArray[np.float32]]


def write_features(path: Path, features: Mapping[str, NDArray[np.float32]]) -> None:
    """Complete, or not at all."""
    part = path.with_name(path.name + ".partial")
    with part.open("wb") as stream:
        pickle.dump(dict(features), stream, protocol=4)
    part.replace(path)


def read_features(path: Path) -> Features:
    """Raises `FeaturesError` for anything but a dict of strings and arrays of numbers."""
    try:
        with path.open("rb") as stream:
            loaded = _FeatureUnpickler(stream).load()
        return {_text(name): _array(value) for name, value in loaded.items()}
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        raise FeaturesError(path, str(error)) from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, MemoryError) as error:
        raise FeaturesError(path, f"not a dict of names and vectors ({error})") from error


class _DType:
    """Stands for numpy.dtype while the pickle is read."""

    def __init__(self, name: str, *_: object) -> None:
        self.name = name
        self.order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]

    def real(self) -> np.dtype[Any]:
        dtype = np.dtype(f"{self.order}{self.name}")
        if dtype.kind not in "fiu":
            raise ValueError(f"an array of {self.name}")
        return dtype


class _Array:
    """Stands for an array: what is known of it, until the bytes have come."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def real(self) -> NDArray[Any]:
        _version, shape, dtype, fortran, data = self.state
        return np.frombuffer(data, dtype.real()).reshape(shape, order="F" if fortran else "C")


def _from_buffer(data: bytes, dtype: _DType, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.state = (1, shape, dtype, order == "F", data)
    return array


class _NdArray:
    """Stands for the name numpy.ndarray, which is only ever handed on."""


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"bytes in {encoding}")
    return text.encode("latin1")


_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NdArray,
    ("numpy", "dtype"): _DType,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _latin1,
}


class _FeatureUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}") from None


def _text(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{name!r} is no picture's name")
    return name


def _array(value: object) -> NDArray[np.float32]:
    if not isinstance(value, _Array):
        raise TypeError(f"{type(value).__name__} is no vector")
    return value.real().astype(np.float32)
