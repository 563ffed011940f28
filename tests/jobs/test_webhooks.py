"""What webhooks are told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from jobs import lifecycle, webhooks
from jobs.database import Database
from jobs.errors import DeliveryMissing, JobMissing
from jobs.records import Job
from jobs.webhooks import BACKOFF, Delivery, DeliveryStatus
from tests.jobs.acts import job_of, submit, work

URL = "https://hooks.example/captions"


def ended(db: Database) -> Job:
    job = submit(db, 2, webhook_url=URL, metadata={"album": 7})
    work(db)
    return job


def due(db: Database, lease: float = 60.0) -> list[Delivery]:
    return webhooks.due(db, 10, lease)


def hasten(db: Database) -> None:
    with db.write() as connection:
        connection.exec_driver_sql("UPDATE webhooks SET next_attempt = 0 WHERE next_attempt > 0")


def test_the_end_of_a_job_is_told_once(db: Database) -> None:
    job = ended(db)

    (delivery,) = due(db)

    assert (delivery.job_id, delivery.event, delivery.url) == (job.id, "job.succeeded", URL)
    assert due(db) == []


@pytest.mark.parametrize("event", ["canceled", "expired"])
def test_other_ends_are_told_by_their_names(db: Database, event: str) -> None:
    job = submit(db, 1, webhook_url=URL, deadline=1.0)
    lifecycle.cancel(db, job.id) if event == "canceled" else lifecycle.expire(db)

    (delivery,) = due(db)

    assert delivery.event == f"job.{event}"


def test_a_job_without_a_webhook_tells_nobody(db: Database) -> None:
    submit(db, 1)
    work(db)

    assert due(db) == []


def test_what_is_told_are_the_figures_of_the_job(db: Database) -> None:
    job = ended(db)
    (delivery,) = due(db)

    told = webhooks.payload(db, delivery)

    assert told["type"] == "job.succeeded"
    assert datetime.fromisoformat(told["timestamp"]).timestamp() == pytest.approx(
        delivery.created_at
    )
    assert told["data"] == {
        "id": job.id,
        "state": "succeeded",
        "total": 2,
        "succeeded": 2,
        "failed": 0,
        "canceled": 0,
        "reused": 0,
        "duplicates": 0,
        "metadata": {"album": 7},
    }


def test_of_a_deleted_job_there_is_nothing_to_tell(db: Database) -> None:
    job = ended(db)
    (delivery,) = due(db)
    lifecycle.delete(db, job.id)

    with pytest.raises(JobMissing):
        webhooks.payload(db, delivery)


def test_a_delivery_that_arrived_is_done(db: Database) -> None:
    job = ended(db)
    (delivery,) = due(db)

    webhooks.delivered(db, delivery, 204)

    (logged,) = webhooks.deliveries(db, job.id)
    assert (logged.status, logged.attempts, logged.answer) == ("delivered", 1, 204)
    hasten(db)
    assert due(db) == []


def test_a_delivery_that_failed_is_attempted_again_later_with_the_same_id(db: Database) -> None:
    ended(db)
    (delivery,) = due(db)

    webhooks.failed(db, delivery, 503, "Service Unavailable")

    assert due(db) == []
    hasten(db)
    (again,) = due(db)
    assert (again.id, again.attempts, again.error) == (delivery.id, 1, "Service Unavailable")


def test_after_many_attempts_it_is_over(db: Database) -> None:
    job = ended(db)
    for _ in range(len(BACKOFF) + 1):
        (delivery,) = due(db)
        webhooks.failed(db, delivery, None, "no answer")
        hasten(db)

    assert due(db) == []
    assert webhooks.deliveries(db, job.id)[0].status is DeliveryStatus.FAILED


def test_a_target_that_is_gone_is_told_nothing_any_more(db: Database) -> None:
    job = ended(db)
    (delivery,) = due(db)

    webhooks.gone(db, delivery)

    assert webhooks.deliveries(db, job.id)[0].status is DeliveryStatus.DISABLED
    assert job_of(db, job).webhook_url is None


def test_a_delivery_is_replayed_whatever_became_of_it(db: Database) -> None:
    ended(db)
    (delivery,) = due(db)
    webhooks.delivered(db, delivery, 200)

    webhooks.replay(db, delivery.id)

    (again,) = due(db)
    assert again.id == delivery.id
    with pytest.raises(DeliveryMissing):
        webhooks.replay(db, "msg_nobody")


def test_a_sender_that_died_leaves_the_delivery_to_another(db: Database) -> None:
    ended(db)
    (first,) = due(db, lease=-1.0)

    (second,) = due(db)
    webhooks.delivered(db, second, 200)
    webhooks.failed(db, first, None, "too late")

    (logged,) = webhooks.deliveries(db, first.job_id)
    assert logged.status is DeliveryStatus.DELIVERED


def test_of_senders_at_once_one_gets_the_delivery(db: Database) -> None:
    ended(db)

    with ThreadPoolExecutor(6) as pool:
        taken = [one for some in pool.map(lambda _: due(db), range(6)) for one in some]

    assert len(taken) == 1


def test_owners_have_secrets_of_their_own() -> None:
    secrets = {webhooks.signing_secret("s", key) for key in (None, "key_1", "key_2")}

    assert len(secrets) == 3
    assert all(secret.startswith("whsec_") for secret in secrets)
    assert webhooks.signing_secret("s", "key_1") == webhooks.signing_secret("s", "key_1")
