"""How far a student is from its teacher, and from the words of the captions.

Distillation of maps (Romero et al. 2015, https://arxiv.org/abs/1412.6550) and of the class
distribution (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).
"""

from typing import Any

from keras import ops

TEMPERATURE = 2.0


def map_distance(student: Any, teacher: Any) -> Any:
    """Smooth L1 of two maps (B, H, W, C), both brought to the smaller one's size."""
    side = min(student.shape[1], teacher.shape[1])
    away = ops.abs(_shrunk(student, side) - _shrunk(teacher, side))
    return ops.mean(ops.where(away < 1.0, 0.5 * away * away, away - 0.5))


def _shrunk(maps: Any, side: int) -> Any:
    if maps.shape[1] == side:
        return maps
    return ops.image.resize(maps, (side, side), antialias=True, data_format="channels_last")


def square_distance(student: Any, teacher: Any) -> Any:
    """Mean square of the difference of (B, C)."""
    return ops.mean(ops.square(student - teacher))


def softened(logits: Any) -> Any:
    """Chances at the temperature: what the teacher takes to be alike shows."""
    return ops.softmax(logits / TEMPERATURE)


def divergence(logits: Any, chances: Any) -> Any:
    """Kullback-Leibler, of chances (B, K) at the temperature from the student's logits."""
    said = ops.log_softmax(logits / TEMPERATURE)
    surprise = ops.sum(chances * (ops.log(chances + 1e-8) - said), axis=-1)
    return ops.mean(surprise) * TEMPERATURE**2


def word_loss(logits: Any, present: Any) -> Any:
    """Binary cross entropy: which words stand in the captions. Both (B, W)."""
    return ops.mean(ops.softplus(logits) - logits * present)
