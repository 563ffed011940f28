"""Read tensors from a PyTorch weight file without running what the file says.

The wheels carry PyTorch's older layout: three small pickles (magic number, protocol
version, description of the writing machine), a pickle of named tensors that point
into storages, a pickle with the order of the storages, and the storages themselves,
each an int64 element count followed by its little-endian elements.

A pickle is a program. `_TensorUnpickler` admits exactly the four names that a table
of tensors needs, binds them to inert values of ours, and refuses every other name.
"""

import collections
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from captioning.errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


@dataclass(frozen=True, slots=True)
class _StorageType:
    dtype: str


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: str
    length: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


_ADMITTED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): _StorageType("<f4"),
    ("torch", "LongStorage"): _StorageType("<i8"),
}


class _TensorUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}") from None

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage_type, key, _location, length, view = pid
        if kind != "storage" or view is not None or not isinstance(storage_type, _StorageType):
            raise pickle.UnpicklingError("it points at something other than a storage")
        return _Storage(key, storage_type.dtype, length)


def read_torch_file(path: Path) -> dict[str, NDArray[Any]]:
    """Every tensor of the file, by its name, in the layout PyTorch gives it.

    Raises `WeightsError` when the file is not such a table, or asks for more.
    """
    try:
        return _read(io.BytesIO(path.read_bytes()))
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        raise WeightsError(path, str(error)) from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(path, f"not a table of tensors ({error})") from error


def _read(stream: BinaryIO) -> dict[str, NDArray[Any]]:
    def load() -> Any:
        return _TensorUnpickler(stream).load()

    if load() != _MAGIC or load() != _PROTOCOL or not load()["little_endian"]:
        raise ValueError("another layout")
    tensors: dict[str, _Tensor] = load()
    types = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    storages = {key: _read_storage(stream, types[key]) for key in load()}
    return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storage(stream: BinaryIO, storage: _Storage) -> NDArray[Any]:
    (length,) = np.frombuffer(stream.read(8), "<i8")
    if length != storage.length:
        raise ValueError(f"storage {storage.key} has {length} elements, not {storage.length}")
    dtype = np.dtype(storage.dtype)
    return np.frombuffer(stream.read(int(length) * dtype.itemsize), dtype)


def _view(tensor: _Tensor, storage: NDArray[Any]) -> NDArray[Any]:
    """The tensor's elements, gathered by index so that no stride reaches outside the storage."""
    index = np.full(tensor.shape, tensor.offset)
    for axis, (size, stride) in enumerate(zip(tensor.shape, tensor.strides, strict=True)):
        steps = np.arange(size) * stride
        index += steps.reshape((size,) + (1,) * (len(tensor.shape) - axis - 1))
    elements: NDArray[Any] = storage[index]
    return elements
