"""What crosses the borders of the package: small frozen values, no behaviour."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypedDict

from jobs.states import Stage


@dataclass(frozen=True, slots=True)
class Options:
    """How the images of a job are captioned."""

    beam_width: int = 3
    max_length: int = 20
    #: Rows with the same URL are fetched and captioned once.
    deduplicate: bool = True
    #: A picture that this owner had captioned before keeps its caption.
    reuse: bool = True

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def wording(self) -> str:
        """What of the options changes the words; captions are reused within it."""
        return f"beam_width={self.beam_width},max_length={self.max_length}"


@dataclass(frozen=True, slots=True)
class NewImage:
    """One row of a submission."""

    url: str
    key: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Once:
    """An `Idempotency-Key`, the hash of the request that came with it, and how long both count."""

    key: str
    request_sha256: str
    keep_seconds: float


class Terms(TypedDict, total=False):
    """What a job may come with, beside its images and options."""

    #: The API key that owns it; without one it is the embedded owner's.
    key_id: str | None
    metadata: Mapping[str, Any] | None
    #: Epoch seconds after which unfinished images fail with `expired`.
    deadline: float | None
    #: How long after its end the job is kept; None for ever.
    keep_seconds: float | None
    webhook_url: str | None
    #: Sent along to the pictures' hosts; kept encrypted with `secret`.
    headers: Mapping[str, str] | None
    secret: str | None
    #: Makes the job at most once.
    once: Once | None
    #: The trace to which its work belongs (`jobs.traces`).
    trace: str | None


@dataclass(frozen=True, slots=True)
class Hint:
    """What Redis carries: this batch was dispatched for this stage at this attempt."""

    batch_id: int
    stage: Stage
    attempt: int


@dataclass(frozen=True, slots=True)
class HeldImage:
    """An unfinished image of a held batch; `failures` counts the tries that it has spent."""

    position: int
    url: str
    failures: int


#: Lost leases from which on a batch is taken for what kills its workers.
SUSPECT = 3


@dataclass(frozen=True, slots=True)
class Held:
    """A batch that this worker has begun, with its unfinished images in order."""

    batch_id: int
    job_id: str
    stage: Stage
    attempt: int
    number: int
    options: Options
    images: tuple[HeldImage, ...]
    prepared_key: str | None
    #: Leases that were lost over it; from `SUSPECT` on it is worked on alone.
    recoveries: int = 0
    #: Request headers for the hosts of the job's pictures; never logged.
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    #: They were sealed with another secret: without them nothing may be asked of the hosts.
    headers_lost: bool = False
    #: The trace to which the work on it belongs.
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A picture that was fetched and decoded: hash and form of the bytes as fetched."""

    position: int
    sha256: str
    width: int
    height: int
    size: int


@dataclass(frozen=True, slots=True)
class Captioned:
    """An image's sentence; `alternatives` are (text, log-probability), best first."""

    position: int
    text: str
    log_probability: float
    confidence: float
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """An image that ends here, with a code of `jobs.codes`."""

    position: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Later:
    """An image that may be had later; `delay` in seconds where the server named one."""

    position: int
    code: str
    message: str
    delay: float | None = None
