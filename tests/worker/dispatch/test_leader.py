"""One dispatcher leads; when it is gone, another does."""

import time

import pytest
from sqlalchemy import text

from jobs.database import Database
from jobs.errors import DatabaseUnavailable
from worker.dispatch.leader import leadership


def test_only_one_leads_until_it_is_gone(database_url: str) -> None:
    first, second = Database(database_url), Database(database_url)
    one, other = leadership(first), leadership(second)

    assert (one.held(), one.held(), other.held()) == (True, True, False)

    one.close()
    # A server gives the lock of a session back as soon as it notices that it ended
    until = time.monotonic() + 30
    while not other.held():
        assert time.monotonic() < until
        time.sleep(0.02)
    other.close()
    first.close()
    second.close()


def test_a_leader_whose_session_was_ended_learns_it_and_can_lead_again(postgresql_url: str) -> None:
    # Given a leader
    db = Database(postgresql_url)
    lock = leadership(db)
    assert lock.held()

    # When its session ends, as with a restart of the server
    with db.write() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks"
                " WHERE locktype = 'advisory' AND granted AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )

    # Then it says so, and asks anew the next time
    with pytest.raises(DatabaseUnavailable):
        lock.held()
    assert lock.held()
    lock.close()
    db.close()
