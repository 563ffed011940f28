"""The state of a training after a pass, so that a killed run goes on to the same end."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from captioning.checkpoint import METRICS
from captioning.errors import TrainingError
from captioning.tensor_files import write_tensors

STAGES = ("cross_entropy", "self_critical", "fine_tune")


class RunState:
    """One file in the run folder, replaced as a whole after every pass.

    stage, passes: where the run is; waited: passes without a better score in this stage;
    best: CIDEr-D of the kept checkpoint.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / "state.safetensors"
        self.stage, self.passes, self.waited, self.best = STAGES[0], 0, 0, -1.0
        if self._path.exists():
            with safe_open(self._path, framework="numpy") as file:
                facts = json.loads(file.metadata()["facts"])
            self.stage, self.passes = facts["stage"], facts["passes"]
            self.waited, self.best = facts["waited"], facts["best"]
        else:
            # A checkpoint whose state is gone is still not to be replaced by a worse one.
            self.best = kept_score(run)

    def is_in(self, stage: str) -> bool:
        return self.stage == stage and self.passes > 0

    def is_past(self, stage: str) -> bool:
        return STAGES.index(self.stage) > STAGES.index(stage)

    def resume(self, stage: str, learner: Any, optimizer: Any) -> int:
        """Bring variables to where the run stopped; the number of passes that are done.

        Raises TrainingError where words or sizes have changed since.
        """
        if not self.is_in(stage):
            self.stage, self.passes, self.waited = stage, 0, 0
            return 0
        try:
            with safe_open(self._path, framework="numpy") as file:
                for name, variable in _variables(learner, optimizer).items():
                    variable.assign(file.get_tensor(name))
        except (SafetensorError, ValueError) as error:
            reason = "the vocabulary or the sizes are not those that this run was begun with"
            raise TrainingError(f"{self._path}: {reason}; choose a new folder") from error
        return self.passes

    def save(self, stage: str, passes: int, better: bool, learner: Any, optimizer: Any) -> None:
        self.stage, self.passes = stage, passes
        self.waited = 0 if better else self.waited + 1
        facts = {"stage": stage, "passes": passes, "waited": self.waited, "best": self.best}
        tensors = {
            name: np.array(variable.numpy())
            for name, variable in _variables(learner, optimizer).items()
        }
        write_tensors(self._path, tensors, {"facts": json.dumps(facts)})


def kept_score(run: Path) -> float:
    """The best CIDEr-D of the checkpoints that lie in a run folder, -1 where there is none.

    Raises TrainingError where a checkpoint does not say how good it is.
    """
    scores = [-1.0]
    for path in (run / "best").glob(f"*/{METRICS}"):
        try:
            score = json.loads(path.read_text(encoding="utf-8"))["CIDEr-D"]
            scores.append(float(score["value"] if isinstance(score, dict) else score))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{path}: says no CIDEr-D; choose a new folder") from error
    return max(scores)


def _variables(learner: Any, optimizer: Any) -> dict[str, Any]:
    parts = {**learner.parts, "optimizer": optimizer.variables}
    return {f"{part}/{i}": v for part, group in parts.items() for i, v in enumerate(group)}
