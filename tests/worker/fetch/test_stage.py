"""The whole stage: a real record, a real store, real decoders, a server on loopback."""

import asyncio
import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from jobs import lifecycle, prepared, queries
from jobs.database import Database
from jobs.errors import StoreFull
from jobs.settings import Settings
from jobs.states import ImageState
from jobs.store import Store, open_store
from jobs.values import Held, NewImage, Options, Stage
from tests.worker.fetch.server import Answer, Server, answer, jpeg, redirect, serving
from worker.fetch.stage import FetchStage


@dataclass(frozen=True)
class Works:
    """A fetch stage with all that it works with."""

    stage: FetchStage
    db: Database
    store: Store
    settings: Settings

    def begin(self, *urls: str) -> Held:
        """A job of these URLs, as one batch in hand."""
        images = [NewImage(url) for url in urls]
        lifecycle.submit(self.db, images, Options(), batch_images=64)
        (hint,) = lifecycle.dispatch(self.db, Stage.FETCH, window=1, fetch_ahead=8)
        held = lifecycle.begin(self.db, hint, "tests", 60, 600)
        assert held is not None
        return held

    def images(self, held: Held) -> list[tuple[str, str | None]]:
        found = queries.images(self.db, held.job_id, -1, 100, None)
        return [(image.state.value, image.code) for image in found]

    def begin_captioning(self) -> Held | None:
        lifecycle.dispatch(self.db, Stage.CAPTION, window=1, fetch_ahead=8)
        return next(iter(lifecycle.begin_next(self.db, Stage.CAPTION, "tests", 1, 60, 600)), None)


@pytest.fixture
def works(tmp_path: Path, sqlite_url: str) -> Iterator[Works]:
    settings = Settings(
        home=tmp_path,
        fetch_allow="127.0.0.0/8",
        files_allow=str(tmp_path / "photos"),
        decoder_processes=1,
        read_seconds=1,
    )
    db = Database(sqlite_url)
    store = open_store(settings.store_url, settings)
    with FetchStage(settings, db, store) as stage:
        yield Works(stage, db, store, settings)
    db.close()


@contextmanager
def served(answers: Mapping[str, Answer]) -> Iterator[Server]:
    """The server in a thread of its own, as the stage blocks this one."""
    loop, started, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    found: list[Server] = []

    async def serve() -> None:
        async with serving(answers) as server:
            found.append(server)
            started.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    started.wait()
    yield found[0]
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


def wanted() -> bool:
    return True


def test_a_batch_becomes_a_prepared_batch_and_the_bad_fail_alone(
    works: Works, tmp_path: Path
) -> None:
    # Given pictures over HTTP and in a folder, among bad ones of many kinds
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "local.jpg").write_bytes(jpeg("blue"))
    answers = {
        "/large.jpg": answer(jpeg("red", (1024, 512))),
        "/page.html": answer(b"<!doctype html>" + b" " * 100),
        "/cut.jpg": answer(jpeg("red", (500, 500))[:2000]),
        "/inside": redirect("http://169.254.169.254/"),
    }
    with served(answers) as server:
        held = works.begin(
            server.url("/large.jpg"),
            server.url("/missing.jpg"),
            server.url("/page.html"),
            server.url("/cut.jpg"),
            server.url("/inside"),
            "ftp://127.0.0.1/a.jpg",
            f"file://{tmp_path}/photos/local.jpg",
            "file:///etc/passwd",
        )
        # When the batch is fetched
        works.stage.run(held, wanted)
    # Then each bad one has its code
    assert works.images(held) == [
        ("queued", None),
        ("failed", "http_404"),
        ("failed", "not_a_picture"),
        ("failed", "truncated"),
        ("failed", "address_not_allowed"),
        ("failed", "scheme_not_allowed"),
        ("queued", None),
        ("failed", "file_not_allowed"),
    ]
    # And the good ones wait for the captioner, small, under their positions
    captioning = works.begin_captioning()
    assert captioning is not None
    assert captioning.prepared_key is not None
    members = dict(prepared.unpack(works.store.get(captioning.prepared_key)))
    sizes = {position: Image.open(io.BytesIO(data)).size for position, data in members.items()}
    assert sizes == {0: (512, 256), 6: (60, 40)}
    # And what was fetched is on record
    first = queries.images(works.db, held.job_id, -1, 1, None)[0]
    assert (first.width, first.height, first.bytes) == (1024, 512, len(jpeg("red", (1024, 512))))


def test_what_may_heal_is_tried_again(works: Works) -> None:
    with served({"/busy.jpg": answer(status=503), "/good.jpg": answer(jpeg())}) as server:
        held = works.begin(server.url("/busy.jpg"), server.url("/good.jpg"))
        works.stage.run(held, wanted)
    assert works.images(held) == [("queued", None), ("queued", None)]
    figures = queries.stage_figures(works.db)
    assert (figures[Stage.FETCH].queued, figures[Stage.CAPTION].queued) == (1, 1)


def test_a_batch_without_a_single_picture_needs_no_captioner(works: Works) -> None:
    with served({}) as server:
        held = works.begin(server.url("/missing.jpg"))
        works.stage.run(held, wanted)
    job = queries.job(works.db, held.job_id)
    assert job is not None
    assert job.ended
    assert list(works.store.list("prepared/")) == []


def test_a_batch_that_is_no_longer_wanted_is_given_back_unspent(works: Works) -> None:
    # Given a batch that waits for a silent server
    asked = threading.Event()

    async def silent(writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.Event().wait()

    with served({"/silent.jpg": silent}) as server:
        held = works.begin(server.url("/silent.jpg"))
        # When it is no longer wanted
        works.stage.run(held, lambda: not asked.is_set())
    # Then it waits to be begun anew, and no try was spent
    (hint,) = lifecycle.dispatch(works.db, Stage.FETCH, window=1, fetch_ahead=8)
    again = lifecycle.begin(works.db, hint, "tests", 60, 600)
    assert again is not None
    assert (again.attempt, again.images[0].failures) == (held.attempt + 1, 0)


def test_a_store_without_room_costs_no_image_its_tries(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(key: str, data: bytes) -> None:
        raise StoreFull

    monkeypatch.setattr(works.store, "put", full)
    with served({"/good.jpg": answer(jpeg())}) as server:
        held = works.begin(server.url("/good.jpg"))
        works.stage.run(held, wanted)
    assert works.images(held) == [("queued", None)]
    assert queries.stage_figures(works.db)[Stage.FETCH].queued == 1


def test_a_batch_that_became_somebody_elses_leaves_nothing_in_the_store(works: Works) -> None:
    with served({"/good.jpg": answer(jpeg())}) as server:
        held = works.begin(server.url("/good.jpg"))
        lifecycle.cancel(works.db, held.job_id)
        works.stage.run(held, wanted)
    assert works.images(held) == [(ImageState.CANCELED.value, None)]
    assert list(works.store.list("prepared/")) == []


def test_batches_run_side_by_side(works: Works) -> None:
    # Given two batches, of which the first waits until the second was asked for
    second_asked = asyncio.Event()

    async def patient(writer: asyncio.StreamWriter) -> None:
        await second_asked.wait()
        writer.write(answer(jpeg()))

    async def second(writer: asyncio.StreamWriter) -> None:
        second_asked.set()
        writer.write(answer(jpeg("blue")))

    with served({"/1.jpg": patient, "/2.jpg": second}) as server:
        batches = [works.begin(server.url("/1.jpg"))]
        lifecycle.submit(works.db, [NewImage(server.url("/2.jpg"))], Options(), batch_images=64)
        (hint,) = lifecycle.dispatch(works.db, Stage.FETCH, window=2, fetch_ahead=8)
        begun = lifecycle.begin(works.db, hint, "tests", 60, 600)
        assert begun is not None
        # When two threads run them
        threads = [
            threading.Thread(target=works.stage.run, args=(held, wanted))
            for held in (*batches, begun)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    # Then both are prepared
    assert queries.stage_figures(works.db)[Stage.CAPTION].queued == 2


def test_hosts_are_not_asked_without_the_headers_that_were_meant_for_them(works: Works) -> None:
    with served({"/a.jpg": answer(jpeg())}) as server:
        held = replace(works.begin(server.url("/a.jpg")), headers_lost=True)

        works.stage.run(held, lambda: True)

        assert server.seen == []
    assert works.images(held) == [("failed", "headers_lost")]
