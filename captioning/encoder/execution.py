"""Run an encoder: compiled once, and the fastest way that this machine has.

Behind `CompiledEncoder` stand

- `tensorflow`: one compiled graph per bucket; float32 on a CPU, mixed float16 on a GPU.
- `tensorflow-bfloat16`: the same graphs frozen, and rewritten to bfloat16 by oneDNN's
  automatic mixed precision. Only for CPUs that multiply bfloat16: others emulate it.
- `openvino`: the same graph in OpenVINO, which takes bfloat16 by itself where the CPU has
  it. Fastest on every CPU it was tried on, hence the default where it is installed.
- `openvino-int8`: there, convolutions in 8-bit integers. The default on CPUs that multiply
  them, for checkpoints that say how to round (`captions quantize`).
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from captioning.encoder.cpu import multiplies_bfloat16, multiplies_int8
from captioning.encoder.devices import has_gpu
from captioning.encoder.encoder import Encoder
from captioning.encoder.graph import Graph
from captioning.encoder.int8 import FILE, Rounding
from captioning.errors import WeightsError

Runtime = Literal["tensorflow", "tensorflow-bfloat16", "openvino", "openvino-int8"]
Pictures = NDArray[np.uint8]
Grid = NDArray[np.float32]


class CompiledEncoder(Protocol):
    """An encoder that is ready to run, on one thread."""

    @property
    def traces(self) -> int:
        """How often a graph was traced: fixed once the encoder is compiled."""

    def __call__(self, pictures: Pictures) -> Grid:
        """(B, S, S, 3) RGB, B a bucket → (B, G·G, C)."""


def compile_encoder(
    encoder: Encoder, runtime: Runtime | None = None, rounding: Rounding | None = None
) -> CompiledEncoder:
    """Build, load, compile and run once, so that the first picture waits for nothing.

    runtime: the fastest one here, unless named. rounding: what `openvino-int8` needs.
    Raises `WeightsError` on weights or a rounding that misfit.
    """
    runtime = runtime or fastest_runtime(rounding is not None)
    if runtime in ("openvino", "openvino-int8"):
        from captioning.encoder.openvino_runtime import OpenVinoEncoder

        if runtime == "openvino-int8" and rounding is None:
            raise WeightsError(Path(FILE), "is missing: make it with captions quantize")
        return OpenVinoEncoder.of(Graph(encoder), rounding if runtime == "openvino-int8" else None)
    from captioning.encoder.tensorflow_runtime import FrozenBfloat16Encoder, TensorFlowEncoder

    if runtime == "tensorflow-bfloat16":
        return FrozenBfloat16Encoder(Graph(encoder))
    return TensorFlowEncoder(Graph(encoder, "mixed_float16" if has_gpu() else "float32"))


def fastest_runtime(may_round: bool = False) -> Runtime:
    """The fastest one here that is exact enough. may_round: whether there is a rounding."""
    if has_gpu():
        return "tensorflow"
    if find_spec("openvino"):
        return "openvino-int8" if may_round and multiplies_int8() else "openvino"
    return "tensorflow-bfloat16" if multiplies_bfloat16() else "tensorflow"


def searching_policy() -> str:
    """Keras's name of the fastest number format to search for sentences in, here."""
    return "bfloat16" if multiplies_bfloat16() and not has_gpu() else "float32"


def learning_policy() -> str:
    """Keras's name of the fastest number format to train an encoder in, here."""
    if has_gpu() or multiplies_bfloat16():
        return "mixed_bfloat16"
    return "float32"
