"""A mixture of weights is kept where it is better than the best pass, and only there."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from captioning.checkpoint import DECODER_WEIGHTS
from captioning.training.run_log import read_rows
from captioning.training.train import mix

PLAIN, KEPT, LAST = 0.0, 0.75, 1.0  # the one weight: before the stage, at its best, at its end


def run_mixing(run: Path, score: Callable[[float], float]) -> list[float]:
    """Mix with half and all of the last pass; the weights that were kept, in turn."""
    weight = keras.Variable(LAST, name="weight")
    kept: list[float] = []
    for folder, value in (("before", PLAIN), ("best", KEPT)):
        (run / folder).mkdir()
        save_file({weight.path: np.array(value, np.float32)}, run / folder / DECODER_WEIGHTS)
    training = SimpleNamespace(
        config=SimpleNamespace(mixing=SimpleNamespace(shares=(0.5, 1.0))),
        state=SimpleNamespace(stage="self_critical"),
        run=run,
        best=run / "best",
        before_critical=run / "before",
        learner=SimpleNamespace(average=SimpleNamespace(weights=[weight])),
        evaluate=lambda: {"CIDEr-D": score(float(weight)), "BLEU-4": 0.0},
        keep=lambda _metrics: kept.append(float(weight)),
    )
    mix(training)
    return kept


@pytest.mark.parametrize(
    ("best_at", "kept"), [(KEPT, []), (0.5, [0.5]), (LAST, [LAST])], ids=["pass", "half", "last"]
)
def test_the_best_of_passes_and_mixtures_stays(
    tmp_path: Path, best_at: float, kept: list[float]
) -> None:
    assert run_mixing(tmp_path, lambda weight: 1 - abs(weight - best_at)) == kept
    stages = [row["stage"] for row in read_rows(tmp_path)]
    assert stages == ["mixing 0.0", "mixing 0.5", "mixing 1.0"]
