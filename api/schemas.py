"""The shapes that go in and out, as OpenAPI shows them.

What goes in is validated with these classes. What goes out is written by
`api.render` without them, because polling is the hot path; a test holds the two together.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

JobStateName = Literal[
    "receiving", "queued", "running", "succeeded", "failed", "canceled", "expired"
]
ImageStateName = Literal["queued", "succeeded", "failed", "canceled"]
Metadata = dict[str, Any]

MAX_URL_CHARACTERS = 2_048
MAX_KEY_CHARACTERS = 512
MAX_METADATA_BYTES = 16 * 1024
MAX_KEEP_SECONDS = 10 * 366 * 24 * 3600
BEAM_WIDTHS = (1, 3, 5)


def _is_beam_width(width: int) -> int:
    # Not a Literal: to that, true is 1.
    if width not in BEAM_WIDTHS:
        raise PydanticCustomError("beam_width", "must be one of 1, 3 or 5")
    return width


class Submitted(BaseModel):
    """What a client sends: every field known, every type exact."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SubmittedImage(Submitted):
    url: Annotated[
        str,
        Field(min_length=1, description="Where the picture is: http or https, 2,048 characters."),
    ]
    key: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MAX_KEY_CHARACTERS,
            description="Your name for the picture, unique in the job; comes back in every row.",
        ),
    ] = None
    metadata: Annotated[
        Metadata | None,
        Field(description="Anything of yours, 16 KiB as JSON; comes back unchanged."),
    ] = None


class SubmittedOptions(Submitted):
    beam_width: Annotated[
        int,
        AfterValidator(_is_beam_width),
        Field(
            description="Sentences the search keeps open: 1 is greedy.",
            json_schema_extra={"enum": list(BEAM_WIDTHS)},
        ),
    ] = 3
    max_length: Annotated[int, Field(ge=4, le=32, description="Longest sentence, in words.")] = 20
    deduplicate: Annotated[
        bool, Field(description="Fetch and caption equal URLs of the job once.")
    ] = True
    reuse: Annotated[
        bool, Field(description="Use captions that equal pictures got in your earlier jobs.")
    ] = True


class JobFields(Submitted):
    """What a job may come with, beside its images."""

    options: SubmittedOptions = SubmittedOptions()
    metadata: Annotated[
        Metadata | None, Field(description="Anything of yours, 16 KiB as JSON.")
    ] = None
    deadline: Annotated[
        AwareDatetime | None,
        Field(strict=False, description="Images that have not ended by then fail as `expired`."),
    ] = None
    keep_for: Annotated[
        int | None,
        Field(ge=1, le=MAX_KEEP_SECONDS, description="Seconds after its end, then it is deleted."),
    ] = None
    webhook_url: Annotated[
        str | None,
        Field(min_length=1, description="Told of the job's end (standardwebhooks.com)."),
    ] = None
    headers: Annotated[
        dict[str, str] | None,
        Field(
            max_length=20,
            description="Request headers for the pictures' hosts; kept encrypted, never shown.",
        ),
    ] = None


class StreamFields(JobFields):
    """The terms of a stream's job, from query parameters: numbers arrive as words."""

    model_config = ConfigDict(extra="forbid", strict=False, frozen=True)

    on_invalid: Annotated[
        Literal["reject", "skip"],
        Field(description="What a bad line does: refuse all, or be listed in rejected.csv."),
    ] = "reject"


class Submission(JobFields):
    """A job to be done: up to 10,000 images in one JSON document."""

    images: Annotated[list[SubmittedImage], Field(min_length=1)]


class Counts(BaseModel):
    """How many images are in which state.

    reused: of the succeeded ones, captioned in an earlier job of yours; duplicates: of all,
    those that repeat the URL of an earlier row and take over what it ends with.
    """

    total: int
    queued: int
    succeeded: int
    failed: int
    canceled: int
    reused: int
    duplicates: int
    rejected: Annotated[int, Field(description="Lines of a stream that became no image.")]


class Progress(BaseModel):
    done: Annotated[float, Field(description="Share of the images that ended, 0 to 1.")]
    images_per_second: float | None
    estimated_end: datetime | None


class Links(BaseModel):
    self: str
    images: str
    captions_jsonl: str
    captions_csv: str
    rejected_csv: str | None


class JobAnswer(BaseModel):
    id: str
    state: JobStateName
    counts: Counts
    progress: Progress
    options: SubmittedOptions
    metadata: Metadata | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    deadline: datetime | None
    keep_until: datetime | None
    error: str | None
    links: Links


class JobPage(BaseModel):
    jobs: list[JobAnswer]
    next: Annotated[
        str | None, Field(description="Address of the next page; null on the last one.")
    ]


class AlternativeAnswer(BaseModel):
    text: str
    log_probability: float


class ImageAnswer(BaseModel):
    position: int
    key: str | None
    url: str
    state: ImageStateName
    caption: str | None
    confidence: float | None
    log_probability: float | None
    alternatives: list[AlternativeAnswer]
    code: Annotated[str | None, Field(description="Stable name of the failure, such as http_404.")]
    message: Annotated[str | None, Field(description="The failure as a sentence.")]
    metadata: Metadata | None
    finished_at: datetime | None
    sha256: str | None
    width: int | None
    height: int | None
    checkpoint: str | None
    checkpoint_sha256: str | None
    duplicate_of: Annotated[int | None, Field(description="Position of the row with the same URL.")]
    reused: bool
    thumbnail: Annotated[str, Field(description="Answers 404 once the prepared batch is gone.")]


class ImagePage(BaseModel):
    images: list[ImageAnswer]
    next: str | None


class LinkAnswer(BaseModel):
    url: str
    expires_at: datetime


class UploadAnswer(BaseModel):
    """A picture that was sent here; a job names it by `url`."""

    id: str
    url: str
    media_type: str
    bytes: int
    sha256: str
    expires_at: datetime


class DeliveryAnswer(BaseModel):
    id: str
    event: str
    url: str
    status: Literal["waiting", "delivered", "failed", "disabled"]
    attempts: int
    next_attempt: datetime | None
    created_at: datetime
    delivered_at: datetime | None
    answer: Annotated[int | None, Field(description="HTTP status of the last attempt.")]
    error: str | None


class Deliveries(BaseModel):
    deliveries: list[DeliveryAnswer]


class WebhookSecret(BaseModel):
    secret: str


class Alive(BaseModel):
    status: Literal["ok"]


class Part(BaseModel):
    """Something the service needs."""

    name: str
    state: Literal["ok", "missing", "down"]
    detail: str
    hint: Annotated[str | None, Field(description="What to do about it.")]


class Readiness(BaseModel):
    """`ready`: all parts are there. `degraded`: jobs are taken, but will wait."""

    status: Literal["ready", "degraded", "unavailable"]
    parts: list[Part]


class FaultAnswer(BaseModel):
    field: str
    message: str
    position: int | None = None
    line: int | None = None


class ProblemAnswer(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FaultAnswer] = []
