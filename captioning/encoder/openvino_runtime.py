"""The encoder in OpenVINO, from the same graph.

Pictures of a batch go through one by one on parallel streams: on few cores that is as fast
as any batch, needs neither padding nor a compiled network per bucket, and keeps one
picture's memory in the cache.
"""

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from captioning.encoder.encoder import Encoder
from captioning.encoder.graph import Graph
from captioning.encoder.int8 import Rounding
from captioning.encoder.openvino_int8 import round_to_int8


class OpenVinoEncoder:
    """traces: of the graph it was converted from; it never makes another."""

    def __init__(self, model: ov.Model, encoder: Encoder, traces: int) -> None:
        self.traces = traces
        self._shape = (encoder.side**2, encoder.channels)
        size = encoder.input_size
        model.reshape([1, size, size, 3])
        # The hint chooses streams and threads; the number format follows what the CPU has.
        compiled = ov.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
        self._queue = ov.AsyncInferQueue(compiled)
        self._queue.set_callback(_keep)

    @classmethod
    def of(cls, graph: Graph, rounding: Rounding | None = None) -> "OpenVinoEncoder":
        """Convert the graph; float32 weights, and bfloat16 arithmetic where the CPU has it.

        rounding: for convolutions in 8-bit integers. Raises `WeightsError` where it misfits.
        """
        model = ov.convert_model(graph.trace(None))
        if rounding:
            round_to_int8(model, rounding)
        return cls(model, graph.encoder, graph.traces)

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        grid = np.empty((len(pictures), *self._shape), np.float32)
        for picture, cells in zip(pictures, grid, strict=True):
            self._queue.start_async({0: picture[np.newaxis]}, cells)
        self._queue.wait_all()
        return grid


def _keep(request: ov.InferRequest, cells: NDArray[np.float32]) -> None:
    cells[:] = request.get_output_tensor(0).data[0]
