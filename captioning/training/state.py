"""The state of a training after a pass, so that a killed run goes on to the same end."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

STAGES = ("cross_entropy", "self_critical")


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

    def is_in(self, stage: str) -> bool:
        return self.stage == stage and self.passes > 0

    def is_past(self, stage: str) -> bool:
        return STAGES.index(self.stage) > STAGES.index(stage)

    def resume(self, stage: str, learner: Any, optimizer: Any) -> int:
        """Bring variables to where the run stopped; the number of passes that are done."""
        if not self.is_in(stage):
            self.stage, self.passes, self.waited = stage, 0, 0
            return 0
        with safe_open(self._path, framework="numpy") as file:
            for name, variable in _variables(learner, optimizer).items():
                variable.assign(file.get_tensor(name))
        return self.passes

    def save(self, stage: str, passes: int, better: bool, learner: Any, optimizer: Any) -> None:
        self.stage, self.passes = stage, passes
        self.waited = 0 if better else self.waited + 1
        facts = {"stage": stage, "passes": passes, "waited": self.waited, "best": self.best}
        tensors = {
            name: np.array(variable.numpy())
            for name, variable in _variables(learner, optimizer).items()
        }
        fresh = self._path.with_suffix(".partial")
        save_file(tensors, fresh, metadata={"facts": json.dumps(facts)})
        fresh.replace(self._path)


def _variables(learner: Any, optimizer: Any) -> dict[str, Any]:
    parts = {
        "decoder": learner.decoder.variables,
        "average": learner.average.variables,
        "optimizer": optimizer.variables,
    }
    return {f"{part}/{i}": v for part, group in parts.items() for i, v in enumerate(group)}
