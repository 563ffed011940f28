"""How long a new job of one image takes behind a million images of others.

`fair.p95_s`: from POST to its end, while 200 jobs of 5,000 images are queued, one captioner of a
fixed speed works, and dispatcher, database and queues are the real ones.
"""

import time
from collections.abc import Iterator

from bench.measure import Measurement
from bench.rig import run_job, urls_of
from bench.served import percentile, served_settings, serving
from cli.stack import Stack
from jobs.database import Database
from jobs.ingest import ingest
from jobs.settings import Settings
from jobs.values import NewImage, Options

SPEED = 100
JOBS = 200
IMAGES = 5_000
PROBES = 20
SETTLE_SECONDS = 10
# Of no common measure with what goes round in the stack, so that probes come at any moment.
APART_SECONDS = 0.37
GOAL = 5.0


def fair() -> Iterator[Measurement]:
    """`fair.p95_s`."""
    with served_settings(checkpoint=f"scripted:delay_ms={1000 / SPEED}") as settings:
        begun = time.monotonic()
        _queue(settings)
        queued = time.monotonic() - begun
        with serving(settings) as stack:
            time.sleep(SETTLE_SECONDS)
            probes = [_probe(stack, number) for number in range(PROBES)]
    detail = {
        "probes": len(probes),
        "median_s": round(percentile(probes, 50), 2),
        "largest_s": round(max(probes), 2),
        "jobs": JOBS,
        "images_each": IMAGES,
        "captioner_images_per_second": SPEED,
        "seconds_to_queue": round(queued, 1),
    }
    figure = round(percentile(probes, 95), 2)
    yield Measurement("fair.p95_s", figure, GOAL, "s", higher_is_better=False, detail=detail)


def _queue(settings: Settings) -> None:
    db = Database(settings.database_url)
    db.migrate()
    for job in range(JOBS):
        images = (NewImage(url) for url in urls_of(f"http://127.0.0.1/{job}", IMAGES))
        ingest(db, images, Options(), batch_images=settings.batch_images)
    db.close()


def _probe(stack: Stack, number: int) -> float:
    time.sleep(APART_SECONDS)
    _, seconds = run_job(stack, [f"http://127.0.0.1/probe/{number}"])
    return seconds
