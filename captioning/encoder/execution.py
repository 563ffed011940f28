"""Run an encoder: compiled once, and the fastest way that this machine has.

Behind `CompiledEncoder` stand

- `tensorflow`: one compiled graph per bucket; float32 on a CPU, mixed float16 on a GPU.
- `tensorflow-bfloat16`: the same graphs frozen, and rewritten to bfloat16 by oneDNN's
  automatic mixed precision. Only for CPUs that multiply bfloat16: others emulate it.
- `openvino`: the same graph in OpenVINO, which takes bfloat16 by itself where the CPU has
  it. Fastest on every CPU it was tried on, hence the default where it is installed.
"""

from importlib.util import find_spec
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from captioning.encoder.cpu import multiplies_bfloat16
from captioning.encoder.devices import has_gpu
from captioning.encoder.encoder import Encoder
from captioning.encoder.graph import Graph

Runtime = Literal["tensorflow", "tensorflow-bfloat16", "openvino"]
Pictures = NDArray[np.uint8]
Grid = NDArray[np.float32]


class CompiledEncoder(Protocol):
    """An encoder that is ready to run, on one thread."""

    @property
    def traces(self) -> int:
        """How often a graph was traced: fixed once the encoder is compiled."""

    def __call__(self, pictures: Pictures) -> Grid:
        """(B, S, S, 3) RGB, B a bucket → (B, G·G, C)."""


def compile_encoder(encoder: Encoder, runtime: Runtime | None = None) -> CompiledEncoder:
    """Build, load, compile and run once, so that the first picture waits for nothing.

    runtime: the fastest one here, unless named. Raises `WeightsError` on weights that misfit.
    """
    runtime = runtime or fastest_runtime()
    if runtime == "openvino":
        from captioning.encoder.openvino_runtime import OpenVinoEncoder

        return OpenVinoEncoder.of(Graph(encoder))
    from captioning.encoder.tensorflow_runtime import FrozenBfloat16Encoder, TensorFlowEncoder

    if runtime == "tensorflow-bfloat16":
        return FrozenBfloat16Encoder(Graph(encoder))
    return TensorFlowEncoder(Graph(encoder, "mixed_float16" if has_gpu() else "float32"))


def fastest_runtime() -> Runtime:
    """The fastest one here whose grid stays within the rounding of its number format."""
    if has_gpu():
        return "tensorflow"
    if find_spec("openvino"):
        return "openvino"
    return "tensorflow-bfloat16" if multiplies_bfloat16() else "tensorflow"
