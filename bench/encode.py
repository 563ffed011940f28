"""What the number format and the way of running bring to the encoder: ResNet50, full bucket.

`encode.low_precision`: the frozen graph with oneDNN's automatic bfloat16 ÷ the same compiled
graph in float32. `encode.predict`: ÷ `keras.Model.predict`, which is how the network would be
called without further thought. OpenVINO, where it is installed, stands in the detail.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from bench.measure import Measurement, in_turn, rate, ratio
from bench.networks import some_pictures, untrained_resnet50
from captioning.buckets import BUCKETS
from captioning.encoder.cpu import multiplies_bfloat16
from captioning.encoder.devices import has_gpu
from captioning.encoder.encoder import Encoder
from captioning.encoder.execution import compile_encoder
from captioning.encoder.graph import Graph
from captioning.encoder.tensorflow_runtime import TensorFlowEncoder

ROUNDS = 9
LOW_PRECISION_GOAL = 1.25
PREDICT_GOAL = 2.0

Side = Callable[[], object]


def encode() -> Iterator[Measurement]:
    """Both ratios, from one run in which all sides take their turns."""
    low = "tensorflow" if has_gpu() else "tensorflow-bfloat16"
    bucket = BUCKETS[-1]
    seconds = in_turn(_sides(untrained_resnet50(), low, bucket), ROUNDS)
    detail: dict[str, Any] = {
        "images_per_second": {name: rate(bucket, taken) for name, taken in seconds.items()},
        "rounds": ROUNDS,
        "bucket": bucket,
    }
    if low == "tensorflow-bfloat16":
        detail["cpu_multiplies_bfloat16"] = multiplies_bfloat16()
    if "openvino" in seconds:
        detail["openvino_to_low_precision"] = ratio(seconds[low], seconds["openvino"])
    for name, other, goal in (
        ("encode.low_precision", "float32", LOW_PRECISION_GOAL),
        ("encode.predict", "predict", PREDICT_GOAL),
    ):
        yield Measurement(name, ratio(seconds[other], seconds[low]), goal, "×", detail=detail)


def _sides(encoder: Encoder, low: Any, bucket: int) -> dict[str, Side]:
    pictures = some_pictures(bucket, encoder.input_size)
    model = encoder.build()
    plain = TensorFlowEncoder(Graph(encoder))
    sides: dict[str, Side] = {
        "predict": lambda: model.predict(pictures, batch_size=bucket, verbose=0),
        "float32": lambda: plain(pictures),
    }
    for runtime in (low, "openvino") if find_spec("openvino") else (low,):
        compiled = compile_encoder(encoder, runtime)
        sides[runtime] = lambda compiled=compiled: compiled(pictures)  # type: ignore[misc]
    return sides
