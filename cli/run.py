"""`captions run`: pictures in, a file of captions out, through a whole stack of its own."""

import shutil
import signal
import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from cli.checkpoint import local_settings, look_at
from cli.errors import OutputError
from cli.files import replacing
from cli.grammar import options
from cli.output import Row, writer_for
from cli.progress import Bar, bar
from cli.runfolder import Run, Wish
from cli.sources import Picture
from cli.stack import Stack
from cli.stack.errors import HomeInUse
from jobs import lifecycle, queries
from jobs.database import Database
from jobs.records import Image, ImageState, Job
from jobs.settings import Settings, load_settings
from jobs.values import NewImage, Options

JOB_IMAGES = 10_000
POLL_SECONDS = 0.3
SOME_FAILED = 3
TERMINATED = 143
# A prepared batch and what the database writes beside it.
LEAST_FREE_BYTES = 4 * 1024 * 1024


def run(arguments: Namespace) -> int:
    """Exit code: 0 all captioned, 3 some images failed; errors carry their own sentence."""
    signal.signal(signal.SIGTERM, _leave)
    write = writer_for(arguments.output)
    wish = Wish(tuple(arguments.sources), options(arguments), arguments.checkpoint or "")
    look_at(wish.checkpoint or local_settings().checkpoint)
    this = Run.begin(arguments.output.absolute(), wish)
    if this.resumed:
        print(f"going on with {this.output.name}", file=sys.stderr)
    started = time.monotonic()
    settings = settings_for(this)
    with closing(Database(settings.database_url)) as db:
        jobs = _caption_or_say(this, settings, db)
        outcomes: Counter[str] = Counter()
        with replacing(this.output) as file:
            write(_counted(rows(this, db, jobs), outcomes), file)
    this.forget()
    print(summary(this.output, outcomes, time.monotonic() - started), file=sys.stderr)
    return SOME_FAILED if set(outcomes) - {""} else 0


def _caption_or_say(run: Run, settings: Settings, db: Database) -> list[Job]:
    try:
        return caption(run, settings, db)
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it was", file=sys.stderr)
        raise
    except HomeInUse as error:
        raise OutputError(
            run.output, f"process {error.owner} works on it; let it end, or choose another with -o"
        ) from error


def settings_for(run: Run) -> Settings:
    """All under the run's own folder, whatever the environment says of a service."""
    chosen = {"checkpoint": run.wish.checkpoint} if run.wish.checkpoint else {}
    return load_settings(
        home=run.home,
        database_url="",
        redis_url="",
        store_url="",
        api_port=0,
        files_allow=tuple(map(_without_comma, run.folders)),
        **chosen,
    )


def caption(run: Run, settings: Settings, db: Database) -> list[Job]:
    """Submit what is not submitted yet and wait until all jobs have ended."""
    with bar(len(run.pictures)) as line, Stack(settings) as stack:
        line.say("starting")
        jobs = submit(run, settings, db)
        stack.wait_ready()
        line.say("captioning")
        return _follow(db, stack, jobs, line)


def submit(run: Run, settings: Settings, db: Database) -> list[Job]:
    """One job for each 10,000 pictures, in order; those that an earlier call made stand."""
    _forget_earlier(db, run)
    chunks = run.chunks(JOB_IMAGES)
    there = {job.metadata["chunk"]: job for job in _jobs(db) if job.metadata}
    return [
        there.get(number)
        or lifecycle.submit(
            db,
            [NewImage(url=picture.url) for picture in chunk],
            Options(**run.wish.options),
            batch_images=settings.batch_images,
            metadata={"run": run.id, "chunk": number},
        )
        for number, chunk in enumerate(chunks)
    ]


def rows(run: Run, db: Database, jobs: Sequence[Job]) -> Iterator[Row]:
    """A row for each picture, in the order given."""
    for chunk, job in zip(run.chunks(JOB_IMAGES), jobs, strict=True):
        for picture, image in zip(chunk, queries.stream_images(db, job.id), strict=True):
            yield _row(picture, image)


def summary(output: Path, outcomes: Counter[str], seconds: float) -> str:
    failed = sum(outcomes.values()) - outcomes[""]
    said = f"{output}: {outcomes['']:,} captions in {seconds:,.0f} s"
    if failed:
        codes = ", ".join(f"{code} {count:,}" for code, count in outcomes.most_common() if code)
        said += f"; {failed:,} failed ({codes})"
    return said


def check_room(home: Path) -> None:
    """Raises OutputError where the run cannot go on for want of space."""
    if shutil.disk_usage(home).free < LEAST_FREE_BYTES:
        raise OutputError(
            home, "the disk is full. Free some space and repeat the command: it goes on from here"
        )


def _follow(db: Database, stack: Stack, jobs: list[Job], line: Bar) -> list[Job]:
    while True:
        jobs = [job if job.ended else queries.job(db, job.id) or job for job in jobs]
        line.show(sum(job.done for job in jobs), sum(job.failed for job in jobs))
        if all(job.ended for job in jobs):
            return jobs
        stack.check()
        check_room(stack.settings.home)
        time.sleep(POLL_SECONDS)


def _row(picture: Picture, image: Image) -> Row:
    if image.state is ImageState.SUCCEEDED:
        return Row(picture.source, image.caption, image.confidence, None, None)
    code = image.code or image.state.value
    return Row(picture.source, None, None, code, image.message)


def _counted(rows: Iterable[Row], outcomes: Counter[str]) -> Iterator[Row]:
    for row in rows:
        outcomes[row.code or ""] += 1
        yield row


def _forget_earlier(db: Database, run: Run) -> None:
    """Jobs of finished runs; the captions that pictures got are known all the same."""
    for job in list(_jobs(db)):
        if job.metadata is None or job.metadata.get("run") != run.id:
            lifecycle.cancel(db, job.id)
            lifecycle.delete(db, job.id)


def _jobs(db: Database) -> Iterator[Job]:
    after = None
    while page := queries.jobs(db, None, after, 100, None):
        yield from page
        after = page[-1].id


def _without_comma(folder: Path) -> Path:
    """Lists of settings are written with commas, so a name with one cannot be in them."""
    return next(path for path in (folder, *folder.parents) if "," not in str(path))


def _leave(number: int, frame: object) -> NoReturn:  # noqa: ARG001
    sys.exit(TERMINATED)
