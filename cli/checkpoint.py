"""Which checkpoint a command uses, looked at before anything is started for it."""

from captioning.captioner import check_captioner
from jobs.settings import Settings, load_settings


def local_settings() -> Settings:
    """For commands without a service: they need no secret, and no home to keep one in."""
    return load_settings(secret="unused")  # noqa: S106


def look_at(checkpoint: str) -> None:
    """Its files and whether they fit. Raises CheckpointError, which names file and reason."""
    check_captioner(checkpoint)
