"""The state of a training after a pass, so that a killed run goes on to the same end."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from captioning.checkpoint import METRICS
from captioning.encoder.files import sha256_of
from captioning.errors import TrainingError
from captioning.tensor_files import write_tensors

STAGES = ("cross_entropy", "self_critical", "fine_tune")


class RunState:
    """One file in the run folder, replaced as a whole after every pass.

    stage, passes: where the run is; waited: passes without a better score in this stage;
    best: CIDEr-D of the kept checkpoint.
    """

    def __init__(self, run: Path, start: Path | None = None) -> None:
        """start: the decoder's weights that the training begins with, where it begins with any.

        Raises TrainingError where the state is damaged, or begun from other weights.
        """
        self._run, self._path = run, run / "state.safetensors"
        self._start = sha256_of(start) if start else None
        self.stage, self.passes, self.waited, self.best = STAGES[0], 0, 0, -1.0
        if self._path.exists():
            self._read_facts()
        else:
            # A checkpoint whose state is gone is still not to be replaced by a worse one.
            self.best = kept_score(run)

    def _read_facts(self) -> None:
        try:
            with safe_open(self._path, framework="numpy") as file:
                facts = json.loads(file.metadata()["facts"])
            self.stage, self.passes = facts["stage"], facts["passes"]
            self.waited, self.best = facts["waited"], facts["best"]
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            reason = "is damaged, or no state of a training; delete it to begin at the first pass"
            raise TrainingError(f"{self._path}: {reason}, or choose a new folder") from error
        # Runs that were begun before this was kept say nothing of it.
        if facts.get("start", self._start) != self._start:
            reason = "this folder was begun from another checkpoint than the config's start is now"
            raise TrainingError(f"{self._path}: {reason}; choose a new folder")

    def require(self, name: str, stages: Sequence[str]) -> None:
        """Raises TrainingError where the folder is of a training with another checkpoint's name
        or of another kind. stages: of this training."""
        if self.passes and self.stage not in stages:
            reason = f"this folder is of a training with the stage {self.stage}"
            raise TrainingError(f"{self._path}: {reason}; choose a new folder")
        best = self._run / "best"
        kept = [path.name for path in best.glob("*/") if path.suffix != ".partial"]
        if kept and name not in kept:
            reason = f"holds the checkpoint {kept[0]}, and the config's name is {name}"
            raise TrainingError(f"{best}: {reason}; choose a new folder, or the old name")
        if self.passes and not any(best.glob("*")):
            reason = (
                f"the checkpoint {name} is gone; delete {self._path.name} to begin at the first"
            )
            raise TrainingError(f"{best}: {reason} pass, or choose a new folder")

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
            reason = "this run was begun with another vocabulary, other sizes or another start"
            raise TrainingError(f"{self._path}: {reason}; choose a new folder") from error
        return self.passes

    def save(self, stage: str, passes: int, better: bool, learner: Any, optimizer: Any) -> None:
        self.stage, self.passes = stage, passes
        self.waited = 0 if better else self.waited + 1
        facts = {
            "stage": stage,
            "passes": passes,
            "waited": self.waited,
            "best": self.best,
            "start": self._start,
        }
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
