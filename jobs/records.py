"""The records as values: a job and an image as they stood when they were read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Row

from jobs.states import ENDED
from jobs.states import BatchState as BatchState
from jobs.states import ImageState as ImageState
from jobs.states import JobState as JobState
from jobs.states import Stage as Stage
from jobs.values import Options


@dataclass(frozen=True, slots=True)
class Job:
    """A row of `jobs`. Times are epoch seconds; counters count images.

    `reused` images are among the succeeded ones, `duplicates` among all: each
    repeats the URL of an earlier row and takes over what that row ends with.
    """

    id: str
    key_id: str | None
    state: JobState
    options: Options
    metadata: Mapping[str, Any] | None
    total: int
    succeeded: int
    failed: int
    canceled: int
    reused: int
    duplicates: int
    #: Lines of the submission that were no images and were skipped.
    rejected: int
    #: Raised by every change that somebody may wait for.
    version: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    updated_at: float
    deadline: float | None
    keep_seconds: float | None
    keep_until: float | None
    webhook_url: str | None
    #: When the result files were written.
    results_at: float | None
    error: str | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """The job in a row selected by `jobs.queries.JOB_COLUMNS`."""
        fields = row._mapping
        return cls(**{**fields, "options": Options(**fields["options"])})

    @property
    def done(self) -> int:
        """Images that ended."""
        return self.succeeded + self.failed + self.canceled

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Image:
    """A row of `images`; `alternatives` are (text, log-probability), best first."""

    job_id: str
    position: int
    url: str
    key: str | None
    metadata: Mapping[str, Any] | None
    state: ImageState
    failures: int
    caption: str | None
    log_probability: float | None
    confidence: float | None
    alternatives: tuple[tuple[str, float], ...]
    code: str | None
    message: str | None
    finished_at: float | None
    sha256: str | None
    width: int | None
    height: int | None
    bytes: int | None
    checkpoint: str | None
    checkpoint_sha256: str | None
    duplicate_of: int | None
    reused: bool
    #: What a person made of the caption.
    decision: str | None
    decided_caption: str | None
    decided_at: float | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """The image in a row selected by `jobs.queries.IMAGE_COLUMNS`."""
        fields = row._mapping
        alternatives = tuple((text, score) for text, score in fields["alternatives"] or ())
        return cls(**{**fields, "alternatives": alternatives})
