"""The encoder's convolutions in 8-bit integers, as OpenVINO wants it said.

A FakeQuantize before an input says how it may be rounded; OpenVINO then chooses integer
arithmetic by itself wherever both inputs of a convolution are rounded. How they are is in
`captioning.encoder.int8`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from captioning.encoder.graph import Graph
from captioning.encoder.int8 import REMEDY, Floats, Rounding
from captioning.errors import WeightsError

STEPS = 255
_EVERYWHERE = np.array([0, 2, 3])  # pictures, rows and columns, but not channels
_LEAST_RANGE = 1e-6


def round_to_int8(model: ov.Model, rounding: Rounding) -> None:
    """Change the model in place. Raises `WeightsError` where it has other convolutions."""
    convolutions = _convolutions(model)
    channels = [_channels(node) for node in convolutions]
    if channels != [len(vector) for vector in rounding.shift]:
        raise WeightsError(
            rounding.file, f"it was measured on a network with other convolutions; {REMEDY}"
        )
    rounded = _Inputs(rounding)
    for number, node in enumerate(convolutions):
        users = list(node.output(0).get_target_inputs())
        node.input(0).replace_source_output(rounded(node, number))
        node.input(1).replace_source_output(_rounded_weights(node))
        shifted = ops.add(node, rounding.shift[number].reshape(1, -1, 1, 1))
        for user in users:
            user.replace_source_output(shifted.output(0))
    model.validate_nodes_and_infer_types()


def measure(graph: Graph, pictures: Sequence[NDArray[np.uint8]]) -> Rounding:
    """Rounding for an encoder from pictures like those that it will see, each (S, S, 3)."""
    low, high = _ranges(ov.convert_model(graph.trace(None)), pictures)
    untouched = Rounding(low, high, ())
    return Rounding(low, high, _shifts(ov.convert_model(graph.trace(None)), untouched, pictures))


def _ranges(model: ov.Model, pictures: Sequence[NDArray[np.uint8]]) -> tuple[Floats, Floats]:
    """The least and the greatest value that flows into each convolution: (N,), (N,)."""
    all_axes = np.arange(4)
    inputs = [node.input_value(0) for node in _convolutions(model)]
    found = _outputs(
        model,
        [ops.reduce_min(value, all_axes, False) for value in inputs]
        + [ops.reduce_max(value, all_axes, False) for value in inputs],
        pictures,
    )
    values = np.array(found, np.float32).reshape(len(pictures), 2, -1)
    low, high = np.minimum(values[:, 0].min(axis=0), 0), values[:, 1].max(axis=0)
    return low, np.maximum(high, low + _LEAST_RANGE)


def _shifts(
    model: ov.Model, rounding: Rounding, pictures: Sequence[NDArray[np.uint8]]
) -> tuple[Floats, ...]:
    """What rounding takes from each channel on average, all other convolutions being exact."""
    rounded = _Inputs(rounding)
    lost = []
    for number, node in enumerate(_convolutions(model)):
        twin = _twin(node, rounded(node, number), _rounded_weights(node))
        lost.append(ops.reduce_mean(ops.subtract(node, twin), _EVERYWHERE, False))
    found = _outputs(model, lost, pictures)
    return tuple(
        np.mean([of_picture[number] for of_picture in found], axis=0, dtype=np.float32)
        for number in range(len(lost))
    )


class _Inputs:
    """Rounds what flows into convolutions; a value that several of them take, once."""

    def __init__(self, rounding: Rounding) -> None:
        self._rounding = rounding
        self._done: dict[tuple[str, int], Any] = {}

    def __call__(self, node: Any, number: int) -> Any:
        value = node.input_value(0)
        place = (value.get_node().get_friendly_name(), value.get_index())
        if place not in self._done:
            low, high = _with_zero(self._rounding.low[number], self._rounding.high[number])
            self._done[place] = ops.fake_quantize(value, low, high, low, high, STEPS + 1)
        return self._done[place].output(0)


def _with_zero(low: np.float32, high: np.float32) -> tuple[np.float32, np.float32]:
    """The range moved by less than a step, so that zero, which padding is, stays exact."""
    step = (high - low) / np.float32(STEPS)
    begin = np.round(low / step) * step
    return begin, begin + STEPS * step


def _rounded_weights(node: Any) -> Any:
    """Symmetric, each channel with a range of its own."""
    value = node.input_value(1)
    kernel = value.get_node().data
    axes = tuple(range(_leading(node), kernel.ndim))
    most = np.maximum(np.abs(kernel).max(axis=axes, keepdims=True), _LEAST_RANGE)
    return ops.fake_quantize(value, -most, most, -most, most, STEPS).output(0)


def _twin(node: Any, value: Any, weights: Any) -> Any:
    """The same convolution over other inputs."""
    kind = ops.group_convolution if _leading(node) == 2 else ops.convolution
    said = node.get_attributes()
    return kind(
        value, weights, said["strides"], said["pads_begin"], said["pads_end"], said["dilations"],
        said["auto_pad"],
    )  # fmt: skip


def _channels(node: Any) -> int:
    return int(np.prod(node.input_value(1).get_shape()[: _leading(node)]))


def _leading(node: Any) -> int:
    """How many axes of its kernel count channels that come out: group and filter, or filter."""
    return 2 if node.get_type_name() == "GroupConvolution" else 1


def _convolutions(model: ov.Model) -> list[Any]:
    kinds = ("Convolution", "GroupConvolution")
    return [node for node in model.get_ordered_ops() if node.get_type_name() in kinds]


def _outputs(
    model: ov.Model, nodes: Sequence[Any], pictures: Sequence[NDArray[np.uint8]]
) -> list[list[Any]]:
    """What these nodes give for each picture, in float32."""
    model.add_outputs([node.output(0) for node in nodes])
    model.reshape([1, *pictures[0].shape])
    run = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = []
    for picture in pictures:
        values = run({0: picture[np.newaxis]})
        found.append([np.array(values[1 + number]) for number in range(len(nodes))])
    return found
