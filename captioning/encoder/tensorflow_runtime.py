"""The encoder in TensorFlow: one graph per bucket, traced before the first picture comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from captioning.buckets import BUCKETS
from captioning.encoder.graph import Graph


class TensorFlowEncoder:
    """The graph as it is."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._runs = {bucket: self._compiled(graph.trace(bucket)) for bucket in BUCKETS}
        self._run_each_once()

    @property
    def traces(self) -> int:
        return self._graph.traces

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        grid: NDArray[np.float32] = self._runs[len(pictures)](tf.constant(pictures)).numpy()
        return grid

    def _compiled(self, traced: Any) -> Any:
        return traced

    def _run_each_once(self) -> None:
        size = self._graph.encoder.input_size
        for bucket in BUCKETS:
            self(np.zeros((bucket, size, size, 3), np.uint8))


class FrozenBfloat16Encoder(TensorFlowEncoder):
    """Weights frozen into the graph, which oneDNN's mixed precision then rewrites."""

    def _compiled(self, traced: Any) -> Any:
        frozen = convert_variables_to_constants_v2(traced)

        def run(pictures: Any) -> Any:
            # TensorFlow keeps one optimised graph for each set of options, and runs the one
            # that belongs to the options of the moment. So the option is set for every run, and
            # reaches no other graph of the process.
            with _optimizer_option("auto_mixed_precision_onednn_bfloat16"):
                return frozen(pictures)[0]

        return run


@contextmanager
def _optimizer_option(option: str) -> Iterator[None]:
    before = tf.config.optimizer.get_experimental_options().get(option, False)
    tf.config.optimizer.set_experimental_options({option: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({option: before})
