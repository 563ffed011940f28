"""What happens to jobs in the stories of these tests, in a word or two."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from jobs import lifecycle, queries
from jobs.database import Database
from jobs.records import Image, Job
from jobs.states import ImageState, Stage
from jobs.values import Captioned, Failed, Held, Later, NewImage, Options, Ready

LEASE = 15.0
DEADLINE = 900.0
CHECKPOINT = {"checkpoint": "tiny", "checkpoint_sha256": "c0ffee"}


def submit(db: Database, urls: int | Sequence[str], batch_images: int = 2, **terms: Any) -> Job:
    """A job of so many distinct pictures, or of these URLs."""
    if isinstance(urls, int):
        urls = [f"http://pictures/{number}.jpg" for number in range(urls)]
    options = terms.pop("options", Options())
    images = [NewImage(url) for url in urls]
    return lifecycle.submit(db, images, options, batch_images=batch_images, **terms)


def hold(
    db: Database,
    stage: Stage,
    window: int = 100,
    worker: str = "worker",
    lease: float = LEASE,
    deadline: float = DEADLINE,
) -> list[Held]:
    """Dispatch whatever may be dispatched, and begin all of it."""
    lifecycle.dispatch(db, stage, window, fetch_ahead=1000)
    return lifecycle.begin_next(db, stage, worker, window, lease, deadline)


def fetching(db: Database, **how: Any) -> list[Held]:
    return hold(db, Stage.FETCH, **how)


def captioning(db: Database, **how: Any) -> list[Held]:
    return hold(db, Stage.CAPTION, **how)


def fetched(
    db: Database,
    held: Held,
    failed: dict[int, str] | None = None,
    later: Sequence[Later] = (),
    max_failures: int = 3,
    retry_seconds: float = 0.0,
    **how: Any,
) -> bool:
    """Record that the batch's pictures were fetched, except those in `failed` and `later`."""
    failed = failed or {}
    others = {*failed, *(image.position for image in later)}
    return lifecycle.prepared(
        db,
        held,
        f"prepared/{held.number}-{held.attempt}.tar",
        [ready(image) for image in held.images if image.position not in others],
        [Failed(position, code, "a sentence") for position, code in failed.items()],
        later,
        max_failures=max_failures,
        retry_seconds=retry_seconds,
        **({"checkpoint_sha256": CHECKPOINT["checkpoint_sha256"], "reuse_seconds": 3600.0} | how),
    )


def ready(image: Any) -> Ready:
    return Ready(image.position, sha256(image.url.encode()).hexdigest(), 640, 480, 1234)


def captioned(db: Database, held: Held, failed: Sequence[Failed] = ()) -> bool:
    """Record a caption for each of the batch's pictures that is not in `failed`."""
    others = {image.position for image in failed}
    captions = [
        Captioned(image.position, f"a picture of {image.url}", -1.5, 0.5, (("a cat", -2.5),))
        for image in held.images
        if image.position not in others
    ]
    return lifecycle.finish(db, held, captions, failed, **CHECKPOINT)


def work(db: Database) -> None:
    """Do whatever there is to do, with every picture a good one."""
    while True:
        to_fetch, to_caption = fetching(db), captioning(db)
        for held in to_fetch:
            assert fetched(db, held)
        for held in to_caption:
            assert captioned(db, held)
        if not to_fetch and not to_caption:
            return


def job_of(db: Database, job: Job) -> Job:
    return queries.existing_job(db, job.id)


def images_of(db: Database, job: Job) -> list[Image]:
    return list(queries.stream_images(db, job.id))


def states_of(db: Database, job: Job) -> list[str]:
    return [image.state.value for image in images_of(db, job)]


def check_counters(db: Database, job: Job) -> None:
    """The job's counters are what counting its images gives."""
    now, images = job_of(db, job), images_of(db, job)
    counted = Counter(image.state for image in images)
    assert now.total == len(images)
    assert now.succeeded == counted[ImageState.SUCCEEDED]
    assert now.failed == counted[ImageState.FAILED]
    assert now.canceled == counted[ImageState.CANCELED]
    assert now.reused == sum(image.reused for image in images)
    assert now.ended == (counted[ImageState.QUEUED] == 0)
