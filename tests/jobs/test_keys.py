"""API keys."""

import pytest

from jobs import keys
from jobs.database import Database
from jobs.errors import KeyMissing, KeyRefused


def test_a_key_opens_with_its_token(db: Database) -> None:
    key, token = keys.create(db, "library", max_waiting_images=10, requests_per_second=2.5)

    assert keys.authenticate(db, token) == key
    assert (key.name, key.max_waiting_images, key.requests_per_second) == ("library", 10, 2.5)


def test_the_token_is_kept_nowhere(db: Database) -> None:
    _, token = keys.create(db, "library")

    with db.read() as connection:
        (row,) = connection.exec_driver_sql("SELECT * FROM keys").all()
    assert token not in str(row)


@pytest.mark.parametrize("token", ["", "captions_", "captions_guessed", "ß"])
def test_what_is_no_token_opens_nothing(db: Database, token: str) -> None:
    keys.create(db, "library")

    with pytest.raises(KeyRefused):
        keys.authenticate(db, token)


def test_a_revoked_key_opens_nothing_any_more(db: Database) -> None:
    key, token = keys.create(db, "library")
    other, other_token = keys.create(db, "shop")

    keys.revoke(db, key.id)
    keys.revoke(db, key.id)

    with pytest.raises(KeyRefused):
        keys.authenticate(db, token)
    assert keys.authenticate(db, other_token) == other
    assert [each.revoked_at is not None for each in keys.all_keys(db)] == [True, False]


def test_a_key_that_is_not_there_cannot_be_revoked(db: Database) -> None:
    with pytest.raises(KeyMissing):
        keys.revoke(db, "key_nobody")


def test_whether_there_are_keys(db: Database) -> None:
    assert not keys.any_keys(db)
    key, _ = keys.create(db, "library")
    assert keys.any_keys(db)
    keys.revoke(db, key.id)
    assert not keys.any_keys(db)
