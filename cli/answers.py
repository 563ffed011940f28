"""What the HTTP API answers, as frozen values. Times are in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

ENDED = frozenset({"succeeded", "failed", "canceled", "expired"})

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A job and how far it is.

    done: share of the images that have ended, 0 to 1. reused: of the succeeded images,
    those whose caption was known. rejected: lines of a stream that became no image.
    images_per_second, estimated_end: None until measured.
    """

    id: str
    state: str
    total: int
    succeeded: int
    failed: int
    canceled: int
    reused: int
    rejected: int
    done: float
    images_per_second: float | None
    created_at: datetime
    finished_at: datetime | None
    estimated_end: datetime | None
    deadline: datetime | None
    keep_until: datetime | None
    error: str | None
    metadata: Answer | None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @classmethod
    def read(cls, answer: Answer) -> Self:
        counts, progress = answer["counts"], answer["progress"]
        return cls(
            id=answer["id"],
            state=answer["state"],
            total=counts["total"],
            succeeded=counts["succeeded"],
            failed=counts["failed"],
            canceled=counts["canceled"],
            reused=counts["reused"],
            rejected=counts["rejected"],
            done=progress["done"],
            images_per_second=progress["images_per_second"],
            created_at=datetime.fromisoformat(answer["created_at"]),
            finished_at=_time(answer["finished_at"]),
            estimated_end=_time(progress["estimated_end"]),
            deadline=_time(answer["deadline"]),
            keep_until=_time(answer["keep_until"]),
            error=answer["error"],
            metadata=answer["metadata"],
        )


@dataclass(frozen=True, slots=True)
class Caption:
    """A row of captions.jsonl; `code` and `message` say why an image failed."""

    position: int
    key: str | None
    url: str
    state: str
    caption: str | None
    confidence: float | None
    code: str | None
    message: str | None

    @classmethod
    def read(cls, answer: Answer) -> Self:
        return cls(**{name: answer[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Image(Caption):
    """An image with all that is known about it.

    width, height: of the picture as it was fetched, in pixels. duplicate_of: position of
    the row with the same URL. alternatives: text and log-probability, best first.
    """

    alternatives: tuple[tuple[str, float], ...]
    metadata: Answer | None
    sha256: str | None
    width: int | None
    height: int | None
    checkpoint: str | None
    finished_at: datetime | None
    duplicate_of: int | None
    reused: bool

    @classmethod
    def read(cls, answer: Answer) -> Self:
        fields = {name: answer[name] for name in (*Caption.__slots__, *cls.__slots__)}
        fields["finished_at"] = _time(answer["finished_at"])
        fields["alternatives"] = tuple(
            (one["text"], one["log_probability"]) for one in answer["alternatives"]
        )
        return cls(**fields)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
