"""Who holds a batch, and until when."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import update

from jobs import lifecycle, queries
from jobs.database import Database
from jobs.records import Job
from jobs.states import JobState, Stage
from jobs.tables import batches
from jobs.values import SUSPECT, Held, Hint
from tests.jobs.acts import (
    DEADLINE,
    LEASE,
    captioned,
    captioning,
    check_counters,
    fetched,
    fetching,
    images_of,
    job_of,
    states_of,
    submit,
    work,
)


def begin(db: Database, hint: Hint, worker: str = "worker") -> Held | None:
    return lifecycle.begin(db, hint, worker, LEASE, DEADLINE)


def expire_lease(db: Database, held: Held) -> None:
    """As if its worker had been silent for long."""
    with db.write() as connection:
        mine = update(batches).where(batches.c.id == held.batch_id)
        connection.execute(mine.values(lease_until=0.0))


def pairs(held: list[Held]) -> list[tuple[int, int]]:
    return [(batch.batch_id, batch.attempt) for batch in held]


def test_beginning_a_batch_lets_its_job_run(db: Database) -> None:
    job = submit(db, 3)
    (hint, *_) = lifecycle.dispatch(db, Stage.FETCH, 10, 10)

    held = begin(db, hint)

    assert held is not None
    assert (held.job_id, held.stage, held.number, held.attempt) == (job.id, "fetch", 0, 1)
    assert [image.position for image in held.images] == [0, 1]
    assert job_of(db, job).state == JobState.RUNNING


def test_of_many_workers_one_gets_the_batch(db: Database) -> None:
    submit(db, 2)
    (hint,) = lifecycle.dispatch(db, Stage.FETCH, 10, 10)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda name: begin(db, hint, str(name)), range(8)))

    assert len([held for held in results if held is not None]) == 1


def test_workers_that_take_the_next_batches_share_them_out(db: Database) -> None:
    submit(db, 40)
    lifecycle.dispatch(db, Stage.FETCH, 20, 10)

    def take(worker: int) -> list[Held]:
        return lifecycle.begin_next(db, Stage.FETCH, str(worker), 5, LEASE, DEADLINE)

    with ThreadPoolExecutor(8) as pool:
        held = [batch.batch_id for taken in pool.map(take, range(8)) for batch in taken]

    assert len(held) == len(set(held)) == 20


def test_a_hint_is_good_for_one_begin(db: Database) -> None:
    submit(db, 2)
    (hint,) = lifecycle.dispatch(db, Stage.FETCH, 10, 10)
    held = begin(db, hint)
    assert held is not None

    assert begin(db, hint) is None

    lifecycle.release(db, held, spent=False)
    lifecycle.dispatch(db, Stage.FETCH, 10, 10)
    assert begin(db, hint) is None


def test_a_lease_that_is_renewed_is_not_recovered(db: Database) -> None:
    submit(db, 2)
    held = fetching(db, lease=-1.0)

    assert lifecycle.renew(db, pairs(held), LEASE) == {held[0].batch_id}

    assert lifecycle.recover(db, 20) == 0


def test_a_lease_is_not_renewed_past_its_deadline(db: Database) -> None:
    submit(db, 2)
    held = fetching(db, deadline=-1.0)

    assert lifecycle.renew(db, pairs(held), LEASE) == set()

    assert lifecycle.recover(db, 20) == 1


def test_a_lease_is_renewed_to_its_deadline_at_most(db: Database) -> None:
    submit(db, 2)
    held = fetching(db, deadline=60.0)

    lifecycle.renew(db, pairs(held), 1e9)

    with db.read() as connection:
        row = connection.exec_driver_sql("SELECT lease_until, lease_deadline FROM batches").one()
    assert row.lease_until == row.lease_deadline


def test_only_those_leases_are_renewed_that_are_still_ours(db: Database) -> None:
    ours, canceled, done = (submit(db, 2) for _ in range(3))
    held = {batch.job_id: batch for batch in fetching(db)}
    lifecycle.cancel(db, canceled.id)
    fetched(db, held[done.id])

    kept = lifecycle.renew(db, pairs([*held.values()]), LEASE)

    assert kept == {held[ours.id].batch_id}


def test_nothing_held_nothing_renewed(db: Database) -> None:
    assert lifecycle.renew(db, [], LEASE) == set()


def test_a_lost_lease_sends_the_batch_round_again_and_costs_no_try(db: Database) -> None:
    job = submit(db, 2)
    (lost,) = fetching(db, lease=-1.0)

    assert lifecycle.recover(db, 20) == 1

    (again,) = fetching(db)
    assert (again.batch_id, again.attempt, again.recoveries) == (lost.batch_id, 2, 1)
    assert [image.failures for image in again.images] == [0, 0]
    assert fetched(db, again)
    work(db)
    assert job_of(db, job).state == JobState.SUCCEEDED


def test_a_late_worker_changes_nothing(db: Database) -> None:
    job = submit(db, 2)
    (late,) = fetching(db, lease=-1.0)
    lifecycle.recover(db, 20)
    (current,) = fetching(db)
    before = job_of(db, job)

    assert not fetched(db, late, failed={0: "http_404"})
    assert not captioned(db, late)
    assert not lifecycle.release(db, late, spent=True)
    assert not lifecycle.refetch(db, late)
    assert lifecycle.renew(db, pairs([late]), LEASE) == set()

    assert job_of(db, job) == before
    assert states_of(db, job) == ["queued", "queued"]
    assert fetched(db, current)


def test_a_batch_is_finished_once(db: Database) -> None:
    job = submit(db, 2)
    (held,) = fetching(db)
    fetched(db, held)
    (held,) = captioning(db)

    assert captioned(db, held)
    before = job_of(db, job)
    assert not captioned(db, held)

    assert job_of(db, job) == before


def test_two_workers_that_finish_the_same_attempt_count_once(db: Database) -> None:
    job = submit(db, 2)
    (held,) = fetching(db)
    fetched(db, held)
    (held,) = captioning(db)

    with ThreadPoolExecutor(4) as pool:
        counted = list(pool.map(lambda _: captioned(db, held), range(4)))

    assert sorted(counted) == [False, False, False, True]
    check_counters(db, job)


def test_a_batch_that_kills_its_workers_ends_at_last(db: Database) -> None:
    job = submit(db, 2)
    for _ in range(3):
        fetching(db, lease=-1.0)
        assert lifecycle.recover(db, max_recoveries=2) == 1

    assert fetching(db) == []
    codes = [image.code for image in queries.stream_images(db, job.id)]
    assert codes == ["worker_lost", "worker_lost"]
    assert job_of(db, job).state == JobState.FAILED
    check_counters(db, job)


def test_of_a_batch_that_kills_its_workers_each_image_goes_on_alone(db: Database) -> None:
    # Given a batch of several images, one of which was repeated, and one that had ended
    job = submit(db, ["http://p/a", "http://p/deadly", "http://p/c", "http://p/a"], batch_images=9)
    (held,) = fetching(db)
    fetched(db, held, failed={2: "http_404"})

    # When it was lost as often as makes it suspect
    for _ in range(SUSPECT):
        captioning(db, lease=-1.0)
        assert lifecycle.recover(db, max_recoveries=20) == 1

    # Then each of the images that are left is a batch, as suspect as that one was
    alone = fetching(db)
    assert [[image.position for image in held.images] for held in alone] == [[0], [1]]
    assert {held.recoveries for held in alone} == {SUSPECT}

    # And the one that goes on killing takes none of the others along
    for held in alone:
        fetched(db, held)
    harmless, deadly = captioning(db)
    assert captioned(db, harmless)
    for _ in range(20 - SUSPECT + 1):
        expire_lease(db, deadly)
        assert lifecycle.recover(db, max_recoveries=20) == 1
        (deadly, *_) = captioning(db) or [deadly]
    assert [image.code for image in images_of(db, job)] == [None, "worker_lost", "http_404", None]
    assert job_of(db, job).state == JobState.SUCCEEDED
    check_counters(db, job)


def test_a_clean_release_spends_nothing(db: Database) -> None:
    job = submit(db, 2)
    for _ in range(10):
        (held,) = fetching(db)
        assert lifecycle.release(db, held, spent=False)

    work(db)
    assert job_of(db, job).state == JobState.SUCCEEDED


def test_work_that_outlasts_every_lease_ends_at_last(db: Database) -> None:
    # Given a batch that takes longer than any lease may be renewed
    job = submit(db, 2)
    for _ in range(3):
        (held,) = fetching(db, lease=-1.0)

        # When its worker gives it back each time
        assert lifecycle.release(db, held, spent=False, max_recoveries=2)

    # Then it goes round no more
    assert fetching(db) == []
    assert {image.code for image in images_of(db, job)} == {"worker_lost"}
    check_counters(db, job)


def test_a_stage_that_fails_too_often_ends_the_batch(db: Database) -> None:
    job = submit(db, 2)
    for _ in range(3):
        (held,) = fetching(db)
        assert lifecycle.release(db, held, spent=True, error="it broke", max_failures=3)

    assert [image.code for image in queries.stream_images(db, job.id)] == ["internal_error"] * 2
    assert job_of(db, job).state == JobState.FAILED


def test_each_stage_has_all_its_tries(db: Database) -> None:
    job = submit(db, 2)
    (held,) = fetching(db)
    lifecycle.release(db, held, spent=True, max_failures=2)
    (held,) = fetching(db)
    fetched(db, held)
    (held,) = captioning(db)
    lifecycle.release(db, held, spent=True, max_failures=2)

    work(db)
    assert job_of(db, job).state == JobState.SUCCEEDED


def test_a_released_batch_waits_if_it_is_told_to(db: Database) -> None:
    submit(db, 2)
    (held,) = fetching(db)

    lifecycle.release(db, held, spent=False, delay=60.0)

    assert fetching(db) == []


def test_a_batch_whose_pictures_are_gone_is_fetched_again(db: Database) -> None:
    job = submit(db, 2)
    (held,) = fetching(db)
    fetched(db, held)
    (held,) = captioning(db)

    assert lifecycle.refetch(db, held)

    (held,) = fetching(db)
    assert (held.stage, held.prepared_key, held.recoveries) == ("fetch", None, 1)
    assert fetched(db, held)
    work(db)
    assert job_of(db, job).state == JobState.SUCCEEDED


def test_headers_are_opened_only_with_the_secret(db: Database) -> None:
    job = submit(db, 1, headers={"Authorization": "Bearer x"}, secret="s")
    (hint,) = lifecycle.dispatch(db, Stage.FETCH, 10, 10)
    held = lifecycle.begin(db, hint, "worker", LEASE, DEADLINE, secret="s")

    assert held is not None
    assert held.headers == {"Authorization": "Bearer x"}
    assert "Bearer" not in repr(held)
    assert "Bearer" not in repr(job)
    with db.read() as connection:
        (row,) = connection.exec_driver_sql("SELECT * FROM jobs").all()
    assert "Bearer" not in str(row)


def test_workers_without_the_secret_get_no_headers(db: Database) -> None:
    submit(db, 1, headers={"Authorization": "Bearer x"}, secret="s")

    (held,) = fetching(db)

    assert held.headers is None


def test_a_batch_whose_headers_were_sealed_with_another_secret_is_begun_all_the_same(
    db: Database,
) -> None:
    # Given a job from before the operator changed the secret
    submit(db, 1, headers={"Authorization": "Bearer x"}, secret="old")
    (hint,) = lifecycle.dispatch(db, Stage.FETCH, 1, 10)

    # Then its batch does not hold its place in the window for ever
    held = lifecycle.begin(db, hint, "worker", LEASE, DEADLINE, secret="new")
    assert held is not None
    assert (held.headers, held.headers_lost) == (None, True)
    assert fetched(db, held, failed={0: "headers_lost"})


def test_batches_of_any_job_are_begun_in_the_order_of_their_dispatch(db: Database) -> None:
    jobs: list[Job] = [submit(db, 2) for _ in range(3)]
    for window in (1, 2, 3):
        lifecycle.dispatch(db, Stage.FETCH, window, 10)

    held = lifecycle.begin_next(db, Stage.FETCH, "worker", 3, LEASE, DEADLINE)

    assert [batch.job_id for batch in held] == [job.id for job in jobs]
