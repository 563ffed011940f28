"""Webhooks as their receivers see them: a real record, a server on loopback."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from jobs import lifecycle, webhooks
from jobs.database import Database
from jobs.queue import make_app
from jobs.settings import Settings
from jobs.store import open_store
from jobs.webhooks import Delivery, DeliveryStatus
from tests.jobs.acts import submit, work
from tests.worker.fetch.server import Answer, Server, answer, redirect, serving
from worker.dispatch import webhooks as sending
from worker.dispatch.context import Context
from worker.dispatch.webhooks import deliver


@pytest.fixture
def at(tmp_path: Path, sqlite_url: str) -> Iterator[Context]:
    settings = Settings(home=tmp_path, secret="s", fetch_allow="127.0.0.0/8")
    db = Database(sqlite_url)
    yield Context(settings, db, open_store(settings.store_url, settings), make_app(settings))
    db.close()


def told(at: Context, said: Answer, url: str | None = None, attempts: int = 1) -> Server:
    """A job that ends and is told to a server that answers so; what the server saw."""

    async def tell() -> Server:
        async with serving({"/hook": said}) as server:
            submit(at.db, 1, webhook_url=url or server.url("/hook"))
            work(at.db)
            for _ in range(attempts):
                await asyncio.to_thread(deliver, at)
                hasten(at.db)
            return server

    return asyncio.run(tell())


def hasten(db: Database) -> None:
    with db.write() as connection:
        connection.exec_driver_sql("UPDATE webhooks SET next_attempt = 0 WHERE next_attempt > 0")


def delivery(at: Context) -> Delivery:
    with at.db.read() as connection:
        job_id = connection.exec_driver_sql("SELECT id FROM jobs").scalar_one()
    (found,) = webhooks.deliveries(at.db, job_id)
    return found


def headers_of(request: str) -> dict[str, str]:
    lines = request.split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def test_a_receiver_can_check_that_it_was_us_with_the_specifications_own_library(
    at: Context,
) -> None:
    # When a job's end is told
    server = told(at, answer(status=204))

    # Then the signature is right, the message names the job's end, and it is done
    (request,), (body,) = server.seen, server.bodies
    headers = headers_of(request)
    Webhook(webhooks.signing_secret("s", None)).verify(body.decode(), headers)
    assert json.loads(body)["type"] == "job.succeeded"
    assert headers["webhook-id"] == delivery(at).id
    assert delivery(at).status is DeliveryStatus.DELIVERED


def test_each_attempt_is_signed_afresh_and_has_the_same_id(
    at: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        moment = datetime(2026, 1, 31, tzinfo=UTC)

        @classmethod
        def now(cls, zone: object) -> datetime:
            cls.moment += timedelta(minutes=1)
            return cls.moment

    monkeypatch.setattr(sending, "datetime", Clock)

    seen = [headers_of(request) for request in told(at, answer(status=503), attempts=3).seen]

    assert len({request["webhook-id"] for request in seen}) == 1
    assert len({request["webhook-signature"] for request in seen}) == 3
    assert (delivery(at).attempts, delivery(at).answer) == (3, 503)


def test_a_target_that_answers_410_is_not_asked_again(at: Context) -> None:
    server = told(at, answer(status=410), attempts=3)

    assert len(server.seen) == 1
    assert delivery(at).status is DeliveryStatus.DISABLED


def test_a_redirect_is_a_failure_and_is_not_followed(at: Context) -> None:
    server = told(at, redirect("/elsewhere", 308))

    assert len(server.seen) == 1
    assert (delivery(at).status, delivery(at).answer) == (DeliveryStatus.WAITING, 308)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://10.0.0.1/hook", "The address is not one"),
        ("http://[::ffff:169.254.169.254]/hook", "The address is not one"),
        ("http://127.0.0.1:25/hook", "Port 25"),
        ("http://0x7f.1/hook", "four decimal numbers"),
        ("http://user:word@example.org/hook", "user name or password"),
        ("ftp://example.org/hook", "not fetched"),
        ("http://127.0.0.1:1/hook", "Port 1 "),
    ],
)
def test_targets_stand_under_the_rules_of_pictures(at: Context, url: str, said: str) -> None:
    told(at, answer(), url)

    assert (delivery(at).status, delivery(at).answer) == (DeliveryStatus.WAITING, None)
    assert said in (delivery(at).error or "")


def test_the_log_does_not_tell_what_a_name_inside_leads_to(
    at: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def inside(*_: object) -> list[dict[str, object]]:
        return [{"host": "10.7.8.9", "port": 80, "hostname": "db", "family": 2, "proto": 0}]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", inside)
    told(at, answer(), "http://db.inside.example/hook")

    assert "10.7.8.9" not in (delivery(at).error or "")
    assert "The address is not one" in (delivery(at).error or "")


def test_a_target_that_speaks_no_http_is_a_failure_without_its_words(at: Context) -> None:
    told(at, b"SSH-2.0-OpenSSH_9.9\r\n\r\n")

    assert delivery(at).error == "The connection failed."


def test_of_a_job_that_was_deleted_nothing_is_told(at: Context) -> None:
    job = submit(at.db, 1, webhook_url="http://127.0.0.1:1024/hook")
    work(at.db)
    lifecycle.delete(at.db, job.id)

    assert deliver(at) == 1
    (found,) = webhooks.deliveries(at.db, job.id)
    assert (found.attempts, found.answer) == (1, None)


def test_a_replayed_delivery_is_told_again(at: Context) -> None:
    told(at, answer(status=204))
    first = delivery(at)

    async def again() -> int:
        async with serving({"/hook": answer(status=200)}) as server:
            with at.db.write() as connection:
                connection.exec_driver_sql("UPDATE webhooks SET url = ?", (server.url("/hook"),))
            webhooks.replay(at.db, first.id)
            await asyncio.to_thread(deliver, at)
            return len(server.seen)

    assert asyncio.run(again()) == 1
    assert delivery(at).status is DeliveryStatus.DELIVERED
