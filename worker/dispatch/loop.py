"""The dispatcher's loops: each takes its steps again and again, at their own pace.

What may take long (result files of millions of rows, other people's webhooks) runs in a lane of
its own, so that it never keeps a worker waiting for hints.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jobs.errors import CaptionsError
from jobs.logs import Log
from worker.dispatch.context import Context
from worker.stopping import Stop

FLOWING_SECONDS = 0.02
AWAKE_SECONDS = 5.0
IDLE_SECONDS = 0.5

log = Log("dispatch")


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do, at most once in `every` seconds; `act` answers how much it moved."""

    name: str
    every: float
    act: Callable[[Context], int]


class Lane:
    """Takes its steps in order, while `leads` says that this dispatcher is the one that acts."""

    def __init__(self, context: Context, steps: Sequence[Step], leads: Callable[[], bool]) -> None:
        self._context = context
        self._steps = steps
        self._leads = leads
        self._due = dict.fromkeys((step.name for step in steps), 0.0)
        self._failing: set[str] = set()
        self._moved_at = 0.0
        self.leading = False

    def run(self, stop: Stop) -> None:
        while not stop.wait(self._pace()):
            self.round()

    def round(self) -> int:
        """Take every step that is due. How much they moved."""
        if not self._lead():
            return 0
        moved = sum(self._take(step) for step in self._steps if self._is_due(step))
        if moved:
            self._moved_at = time.monotonic()
        return moved

    def _pace(self) -> float:
        """The longer the less has moved: a fast device empties its window in a few hundredths."""
        still = time.monotonic() - self._moved_at
        if still >= AWAKE_SECONDS:
            return IDLE_SECONDS
        return min(max(still, FLOWING_SECONDS), self._context.settings.dispatch_seconds)

    def _lead(self) -> bool:
        try:
            leading = self._leads()
        except CaptionsError:
            leading = False
        if leading != self.leading:
            log.info("leading" if leading else "standing_by", steps=len(self._steps))
        self.leading = leading
        return leading

    def _is_due(self, step: Step) -> bool:
        return time.monotonic() >= self._due[step.name]

    def _take(self, step: Step) -> int:
        """A step that cannot be taken now must not keep the others from being taken."""
        self._due[step.name] = time.monotonic() + step.every
        try:
            moved = step.act(self._context)
        except CaptionsError as error:
            self._note_failure(step, str(error))
            return 0
        except Exception as error:  # a full disk, a row that nobody thought of: the others go on
            if step.name not in self._failing:
                log.exception("step_broken", step=step.name)
            self._note_failure(step, type(error).__name__)
            return 0
        if step.name in self._failing:
            self._failing.remove(step.name)
            log.info("step_works_again", step=step.name)
        return moved

    def _note_failure(self, step: Step, why: str) -> None:
        # Once for each outage: this comes by ten times a second.
        if step.name not in self._failing:
            self._failing.add(step.name)
            log.warning("step_failed", step=step.name, error=why)


def run_lanes(lanes: Sequence[Lane], stop: Stop) -> None:
    """Run the first lane in this thread and the others beside it, until a stop is wanted."""
    first, *others = lanes
    threads = [
        threading.Thread(target=_run_or_stop, args=(lane, stop), daemon=True) for lane in others
    ]
    for thread in threads:
        thread.start()
    _run_or_stop(first, stop)
    for thread in threads:
        thread.join()


def _run_or_stop(lane: Lane, stop: Stop) -> None:
    try:
        lane.run(stop)
    finally:
        stop.set()
