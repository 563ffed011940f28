"""The student: ResNet (He et al. 2015, https://arxiv.org/abs/1512.03385) as Keras has it.

    pictures (B, S, S, 3), scaled → conv1 → conv2 … conv5
        low (B, S/8, S/8, 8w)   middle (B, S/16, S/16, 16w)   grid (B, S/32, S/32, 32w)

Names are those of keras.applications, so that at width 64 and blocks 3, 4, 6, 3 its weights
are Keras's ResNet50's. It is written out for two things that Keras's does not have: smaller
sizes, and a last scale of zero in each block, which makes every block begin as nothing
(Goyal et al. 2017, https://arxiv.org/abs/1706.02677).
"""

from typing import Any

import keras
from keras import layers

_EPSILON = 1.001e-5
_MOMENTUM = 0.97
_TAPS = ("low", "middle", "grid")  # after conv3, conv4, conv5


def build_student(width: int, blocks: tuple[int, ...], *, policy: str = "float32") -> keras.Model:
    """Pictures scaled to about -2 … 2 → low, middle, grid. policy: Keras's number format."""
    picture = layers.Input((None, None, 3), name="picture")
    make = _Layers(policy)
    x = make.pad(3, "conv1_pad")(picture)
    x = make.convolution(width, 7, 2, "conv1_conv", "valid")(x)  # (B, S/2, S/2, w)
    x = make.active(make.norm("conv1_bn")(x), "conv1_relu")
    x = layers.MaxPooling2D(3, 2, name="pool1_pool", dtype=policy)(make.pad(1, "pool1_pad")(x))
    outputs = []
    for stage, repeats in enumerate(blocks):
        filters = width * 2**stage
        for block in range(repeats):
            stride = 2 if stage and not block else 1
            name = f"conv{stage + 2}_block{block + 1}"
            x = _bottleneck(make, x, filters, stride, name, widened=not block)
        outputs.append(x)  # (B, S/4/2^stage, S/4/2^stage, 4w·2^stage)
    return keras.Model(picture, dict(zip(_TAPS, outputs[1:], strict=True)), name="resnet")


class _Layers:
    """Layers in one number format, named as Keras names them."""

    def __init__(self, policy: str) -> None:
        self._policy = policy

    def pad(self, cells: int, name: str) -> Any:
        return layers.ZeroPadding2D(cells, name=name, dtype=self._policy)

    def convolution(
        self, filters: int, kernel: int, stride: int, name: str, padding: str = "same"
    ) -> Any:
        return layers.Conv2D(
            filters,
            kernel,
            stride,
            padding,
            kernel_initializer="he_normal",
            name=name,
            dtype=self._policy,
        )

    def norm(self, name: str, *, begins_as_nothing: bool = False) -> Any:
        return layers.BatchNormalization(
            epsilon=_EPSILON,
            momentum=_MOMENTUM,
            gamma_initializer="zeros" if begins_as_nothing else "ones",
            name=name,
            dtype=self._policy,
        )

    def active(self, x: Any, name: str) -> Any:
        return layers.Activation("relu", name=name, dtype=self._policy)(x)


def _bottleneck(
    make: _Layers, before: Any, filters: int, stride: int, name: str, *, widened: bool
) -> Any:
    """Narrow 1x1, look around 3x3, widen 1x1, and add what was there before."""
    x = make.convolution(filters, 1, stride, f"{name}_1_conv")(before)
    x = make.active(make.norm(f"{name}_1_bn")(x), f"{name}_1_relu")
    x = make.convolution(filters, 3, 1, f"{name}_2_conv")(x)
    x = make.active(make.norm(f"{name}_2_bn")(x), f"{name}_2_relu")
    x = make.convolution(4 * filters, 1, 1, f"{name}_3_conv")(x)
    x = make.norm(f"{name}_3_bn", begins_as_nothing=True)(x)
    if widened:
        before = make.convolution(4 * filters, 1, stride, f"{name}_0_conv")(before)
        before = make.norm(f"{name}_0_bn")(before)
    return make.active(layers.Add(name=f"{name}_add", dtype=x.dtype)([before, x]), f"{name}_out")
