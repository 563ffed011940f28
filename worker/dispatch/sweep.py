"""Removes what nobody needs any more."""

from jobs import lifetime
from worker.dispatch.context import Context


def sweep(at: Context) -> int:
    """How much was moved or removed in this round."""
    return lifetime.sweep(at.db, at.store, at.settings)
