"""Takes back what dead or lost workers held, and ends what has run out of time."""

from jobs import lifecycle
from worker.dispatch.context import Context


def recover(at: Context) -> int:
    """How many batches whose lease ran out were queued again, or ended."""
    return lifecycle.recover(at.db, at.settings.max_recoveries)


def expire(at: Context) -> int:
    """How many jobs passed their deadline and were ended."""
    return lifecycle.expire(at.db)
