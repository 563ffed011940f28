"""The caption stage over a real record and a real store, with captioners that do as told."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image
from sqlalchemy import select, update

from captioning.captioner import Caption, Captioner, CaptionOptions, Picture
from captioning.scripted import ScriptedCaptioner
from jobs import lifecycle, prepared, queries
from jobs.database import Database
from jobs.errors import DatabaseUnavailable, StoreUnavailable
from jobs.settings import Settings
from jobs.states import BatchState, Stage
from jobs.store import Store, open_store, prepared_key
from jobs.tables import batches
from jobs.values import SUSPECT, NewImage, Options
from tests.jobs.acts import ready
from worker.caption import stage as caption_stage
from worker.caption.stage import CaptionStage
from worker.errors import DeviceBroken
from worker.heartbeat import Heartbeat
from worker.process import Post
from worker.stopping import Stop
from worker.watchdog import Activity

COLOURS = ("red", "green", "blue")
DEFAULTS = Options()


@dataclass
class Works:
    """A caption process's post, and jobs whose pictures are fetched already."""

    post: Post
    batch_images: int = 3
    jobs: list[str] = field(default_factory=list)

    def submit(self, *colours: str, options: Options = DEFAULTS) -> str:
        """A job of one batch with pictures of these colours, next in line to be captioned."""
        images = [NewImage(f"http://pictures/{len(self.jobs)}-{colour}.jpg") for colour in colours]
        db = self.post.db
        job = lifecycle.submit(db, images, options, batch_images=self.batch_images)
        lifecycle.dispatch(db, Stage.FETCH, 100, fetch_ahead=100)
        for held in lifecycle.begin_next(db, Stage.FETCH, "fetch", 100, 60, 600):
            key = prepared_key(held.job_id, held.number, held.attempt)
            members = [(image.position, jpeg(colours[image.position])) for image in held.images]
            self.post.store.put(key, prepared.pack(members))
            there = [ready(image) for image in held.images]
            assert lifecycle.prepared(
                db, held, key, there, [], [], reuse_seconds=1, max_failures=3, retry_seconds=1
            )
        self.jobs.append(job.id)
        self.dispatch()  # one by one, as jobs of the same millisecond come in any order
        return job.id

    def dispatch(self) -> None:
        lifecycle.dispatch(self.post.db, Stage.CAPTION, 100, fetch_ahead=100)

    def captions(self, job_id: str) -> list[str | None]:
        return [image.caption for image in queries.stream_images(self.post.db, job_id)]

    def codes(self, job_id: str) -> list[str | None]:
        return [image.code for image in queries.stream_images(self.post.db, job_id)]

    def batch(self, job_id: str) -> Any:
        with self.post.db.read() as connection:
            return connection.execute(select(batches).where(batches.c.job_id == job_id)).one()

    def leases(self) -> int:
        return len(self.post.heartbeat.leases())


@pytest.fixture
def works(tmp_path: Path, sqlite_url: str) -> Iterator[Works]:
    settings = Settings(home=tmp_path, device_batch=4)
    db, stop = Database(sqlite_url), Stop()
    store = open_store(settings.store_url, settings)
    with Heartbeat(db, settings.lease_seconds, stop) as heartbeat:
        yield Works(
            Post(
                "caption@tests", Stage.CAPTION, settings, db, store, cast(Any, None), stop,
                heartbeat, Activity(), lambda: None,
            )
        )  # fmt: skip
    db.close()


def jpeg(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(file, "JPEG")
    return file.getvalue()


def drain(works: Works, captioner: Captioner | None = None) -> None:
    with CaptionStage(works.post, captioner or ScriptedCaptioner()) as stage:
        stage.drain()


def test_pictures_of_several_jobs_each_get_their_own_caption(works: Works) -> None:
    # Given batches that only together fill the device, one of them with options of its own
    first = works.submit(*COLOURS)
    second = works.submit(*reversed(COLOURS))
    third = works.submit("yellow", options=Options(beam_width=1))

    # When
    drain(works)

    # Then
    said = [f"a mostly {colour} picture" for colour in COLOURS]
    assert works.captions(first) == said
    assert works.captions(second) == said[::-1]
    assert works.captions(third) == ["a mostly yellow picture"]
    assert works.leases() == 0


def test_after_a_stop_what_is_held_goes_back_with_its_tries_unspent(works: Works) -> None:
    # Given two batches in hand, and a third that is read ahead
    first, second, third = works.submit(*COLOURS), works.submit(*COLOURS), works.submit("red")

    # When a stop is wanted while the device has all of the first and some of the second
    drain(works, Watched(lambda _: works.post.stop.set()))

    # Then the first is captioned, and the others are as if nobody had begun them
    assert works.captions(first) == [f"a mostly {colour} picture" for colour in COLOURS]
    for job_id in (second, third):
        batch = works.batch(job_id)
        assert batch.state in (BatchState.QUEUED, BatchState.DISPATCHED)
        assert (batch.failures, batch.recoveries) == (0, 0)
        assert set(works.captions(job_id)) == {None}
    assert works.leases() == 0


def test_a_batch_that_may_kill_its_worker_is_captioned_while_nothing_else_is_held(
    works: Works,
) -> None:
    # Given a batch whose leases were lost again and again, among others
    first, suspect, last = works.submit("red"), works.submit("green"), works.submit("blue")
    make_suspect(works.post.db, suspect)
    seen: list[tuple[int, int]] = []

    # When
    drain(works, Watched(lambda captions: seen.append((len(captions), works.leases()))))

    # Then
    assert seen[1] == (1, 1)
    assert [works.captions(job) for job in (first, suspect, last)] == [
        ["a mostly red picture"],
        ["a mostly green picture"],
        ["a mostly blue picture"],
    ]
    assert works.leases() == 0


def test_a_suspect_that_waits_for_its_turn_is_given_back_when_the_work_ends(works: Works) -> None:
    # Given a suspect behind a batch on which the device fails
    works.submit("black")
    suspect = works.submit("green")
    make_suspect(works.post.db, suspect)

    with pytest.raises(DeviceBroken):
        drain(works, Watched(refuse_black))

    assert works.batch(suspect).state == BatchState.QUEUED
    assert works.leases() == 0


def test_a_prepared_batch_that_is_gone_is_fetched_again(works: Works) -> None:
    job_id = works.submit("red")
    works.post.store.delete([works.batch(job_id).prepared_key])

    drain(works)

    batch = works.batch(job_id)
    assert (batch.stage, batch.state, batch.recoveries) == (Stage.FETCH, BatchState.QUEUED, 1)
    assert works.leases() == 0


def test_a_store_that_does_not_answer_costs_time_and_no_try(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = works.submit("red")
    monkeypatch.setattr(type(works.post.store), "get", unavailable)

    drain(works)

    batch = works.batch(job_id)
    assert (batch.state, batch.failures) == (BatchState.QUEUED, 0)
    assert batch.not_before > 0
    assert works.leases() == 0


def test_a_batch_that_cannot_be_captioned_ends_after_its_tries(works: Works) -> None:
    # Given a job whose options no captioner takes, as one from before a change of the rules
    job_id = works.submit("red", "green", options=Options(max_length=999))
    good = works.submit("blue")

    # When it is tried as often as it may
    for _ in range(works.post.settings.max_failures):
        make_due(works.post.db)
        works.dispatch()
        drain(works)

    # Then it has ended, and its neighbour is captioned
    assert works.codes(job_id) == ["internal_error", "internal_error"]
    assert works.captions(good) == ["a mostly blue picture"]
    assert works.leases() == 0


def test_a_database_that_fails_while_reading_ahead_leaves_no_lease_behind(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two batches, of which only the first can be begun
    job_id = works.submit("red")
    works.submit("blue")
    begin, calls = lifecycle.begin_next, iter([True])

    def begin_once(*args: Any, **options: Any) -> Any:
        if next(calls, False):
            return begin(*args, **options)
        raise DatabaseUnavailable

    monkeypatch.setattr(caption_stage.lifecycle, "begin_next", begin_once)

    # When
    with pytest.raises(DatabaseUnavailable):
        drain(works)

    # Then it was given back at once, not renewed for as long as the process lives
    batch = works.batch(job_id)
    assert (batch.state, batch.failures) == (BatchState.QUEUED, 0)
    assert works.leases() == 0


def test_a_picture_on_which_the_network_fails_costs_only_itself(works: Works) -> None:
    job_id = works.submit("red", "black", "blue")

    drain(works, Watched(refuse_black))

    assert works.captions(job_id) == ["a mostly red picture", None, "a mostly blue picture"]
    assert works.codes(job_id) == [None, "internal_error", None]


def test_a_device_that_fails_on_everything_is_not_the_pictures_fault_at_first(
    works: Works,
) -> None:
    # Given a device on which nothing succeeds any more
    job_id = works.submit("black", "black")

    # When
    with pytest.raises(DeviceBroken):
        drain(works, Watched(refuse_black))

    # Then the batch is tried again by a process that has a working one
    assert works.codes(job_id) == [None, None]
    assert works.batch(job_id).failures == 1
    works.dispatch()
    drain(works)
    assert works.captions(job_id) == ["a mostly black picture"] * 2


def test_a_job_that_is_canceled_while_the_device_has_it_keeps_no_caption(works: Works) -> None:
    job_id = works.submit("red", "blue")

    drain(works, Watched(lambda _: lifecycle.cancel(works.post.db, job_id)))

    assert works.captions(job_id) == [None, None]
    assert queries.existing_job(works.post.db, job_id).canceled == 2
    assert works.leases() == 0


class Watched:
    """The scripted captioner; a test looks at its sentences, and may raise, before they count."""

    name, sha256 = "scripted", "5c819"

    def __init__(self, look: Callable[[list[Caption]], object]) -> None:
        self._scripted = ScriptedCaptioner()
        self._look = look
        self.prepare = self._scripted.prepare
        self.warm_up = self._scripted.warm_up

    def caption(self, pictures: Sequence[Picture], options: CaptionOptions) -> list[Caption]:
        captions = self._scripted.caption(pictures, options)
        self._look(captions)
        return captions


def refuse_black(captions: list[Caption]) -> None:
    """As a network's runtime might, on one picture or on the batch that it is in."""
    if any("black" in caption.text for caption in captions):
        raise RuntimeError("the device is out of order")


def unavailable(_store: Store, _key: str) -> bytes:
    raise StoreUnavailable


def make_due(db: Database) -> None:
    """Let the time pass that batches wait for."""
    with db.write() as connection:
        connection.execute(update(batches).values(not_before=0.0))


def make_suspect(db: Database, job_id: str) -> None:
    """As if its leases had been lost again and again."""
    with db.write() as connection:
        mine = update(batches).where(batches.c.job_id == job_id)
        connection.execute(mine.values(recoveries=SUSPECT))
