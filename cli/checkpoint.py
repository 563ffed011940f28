"""Looks at a checkpoint before anything is started for it."""

from captioning.checkpoint import Checkpoint


def look_at(checkpoint: str) -> None:
    """Its files and whether they fit. Raises CheckpointError, which names file and reason."""
    if not checkpoint.startswith("scripted:"):
        Checkpoint.open(checkpoint)
