"""Hands out queued batches: marked in SQL first, then a hint in Redis.

A hint that gets lost in between, or later, costs `hint_seconds`: the batch is still marked as
dispatched, nobody begins it, and `resend` sends the hint again.
"""

from jobs import lifecycle
from jobs.metrics import HINTS, HINTS_LOST, WINDOW
from jobs.queue import queue_lengths, send_hint
from jobs.states import Stage
from worker.dispatch.context import Context


def dispatch(at: Context) -> int:
    """Fill both windows. How many hints were sent."""
    windows = {Stage.FETCH: at.settings.fetch_window, Stage.CAPTION: at.settings.caption_window}
    sent = 0
    for stage, window in windows.items():
        WINDOW.labels(stage).set(window)
        for hint in lifecycle.dispatch(at.db, stage, window, at.settings.fetch_ahead):
            send_hint(at.app, hint)
            HINTS.labels(stage).inc()
            sent += 1
    return sent


def resend(at: Context) -> int:
    """Send the hints again that were lost, with a queue or with a worker. How many."""
    sent = 0
    for stage, waiting in queue_lengths(at.settings).items():
        # While the queue still holds hints, a slow start means busy workers, not a loss; but
        # the queue keeps its order, so one that later ones overtook is not in it any more.
        overtaken = waiting > 0
        seconds = at.settings.hint_seconds
        for hint in lifecycle.lost_hints(at.db, stage, seconds, overtaken=overtaken):
            send_hint(at.app, hint)
            HINTS_LOST.labels(stage).inc()
            sent += 1
    return sent
