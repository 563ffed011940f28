import collections
import io
import os
import pickle
import struct
import sys
import types

import numpy as np
import pytest

from captioning.encoder.torch_file import read_torch_file
from captioning.errors import WeightsError

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


@pytest.fixture
def torch_names(monkeypatch):
    """Stand-ins under PyTorch's names, so that a pickle can name them; PyTorch is not needed."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2(*arguments):
        return arguments

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return types.SimpleNamespace(storage=torch.FloatStorage, rebuild=_rebuild_tensor_v2)


class Storage:
    def __init__(self, kind, key, length):
        self.pid = ("storage", kind, key, "cpu", length, None)


class Tensor:
    def __init__(self, rebuild, storage, offset, shape, strides):
        hooks = collections.OrderedDict()
        self.recipe = (rebuild, (storage, offset, shape, strides, False, hooks))

    def __reduce__(self):
        return self.recipe


class TensorPickler(pickle.Pickler):
    def persistent_id(self, value):
        return value.pid if isinstance(value, Storage) else None


def write_file(path, tensors, storages):
    stream = io.BytesIO()
    for value in (MAGIC, PROTOCOL, {"little_endian": True}):
        pickle.dump(value, stream, protocol=2)
    TensorPickler(stream, protocol=2).dump(tensors)
    pickle.dump(list(storages), stream, protocol=2)
    for values in storages.values():
        stream.write(struct.pack("<q", len(values)) + np.asarray(values, "<f4").tobytes())
    path.write_bytes(stream.getvalue())


def test_tensors_come_back_under_their_names_whatever_their_strides(tmp_path, torch_names):
    # Given a matrix and its transpose, which share one storage
    storage = Storage(torch_names.storage, "7", 6)
    rows = Tensor(torch_names.rebuild, storage, 0, (2, 3), (3, 1))
    columns = Tensor(torch_names.rebuild, storage, 0, (3, 2), (1, 3))
    path = tmp_path / "weights.pth"
    write_file(path, {"rows": rows, "columns": columns}, {"7": range(6)})

    # When the file is read
    tensors = read_torch_file(path)

    # Then both have their own order of the same elements
    np.testing.assert_array_equal(tensors["rows"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(tensors["columns"], [[0, 3], [1, 4], [2, 5]])


class Hostile:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_a_file_that_calls_something_is_refused_and_nothing_is_called(tmp_path):
    path, marker = tmp_path / "weights.pth", tmp_path / "called"
    write_file(path, {"tensor": Hostile(marker)}, {})

    with pytest.raises(WeightsError, match=r"weights\.pth.*mkdir"):
        read_torch_file(path)
    assert not marker.exists()


def test_a_file_that_calls_something_in_its_first_part_is_refused_too(tmp_path):
    path, marker = tmp_path / "weights.pth", tmp_path / "called"
    path.write_bytes(pickle.dumps(Hostile(marker), protocol=2))

    with pytest.raises(WeightsError):
        read_torch_file(path)
    assert not marker.exists()


@pytest.mark.parametrize("part", [0, 3, 40, 250])
def test_a_file_that_was_cut_off_is_refused(tmp_path, torch_names, part):
    whole, path = tmp_path / "whole.pth", tmp_path / "part.pth"
    storage = Storage(torch_names.storage, "7", 6)
    write_file(whole, {"a": Tensor(torch_names.rebuild, storage, 0, (6,), (1,))}, {"7": range(6)})
    path.write_bytes(whole.read_bytes()[:part])

    with pytest.raises(WeightsError, match=r"part\.pth"):
        read_torch_file(path)


def test_a_tensor_that_reaches_outside_its_storage_is_refused(tmp_path, torch_names):
    storage = Storage(torch_names.storage, "7", 6)
    path = tmp_path / "weights.pth"
    reaching = Tensor(torch_names.rebuild, storage, 4, (3,), (1,))
    write_file(path, {"a": reaching}, {"7": range(6)})

    with pytest.raises(WeightsError, match=r"weights\.pth"):
        read_torch_file(path)
