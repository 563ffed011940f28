"""Whatever happens, in whatever order: nothing is lost, nothing ends twice."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobs import lifecycle, queries
from jobs.database import Database
from jobs.records import Image, Job
from jobs.states import ImageState, JobState, Stage
from jobs.tables import metadata
from jobs.values import Captioned, Failed, Held, Hint, Later, Options
from tests.jobs.acts import (
    CHECKPOINT,
    DEADLINE,
    LEASE,
    check_counters,
    images_of,
    job_of,
    ready,
    submit,
    work,
)

WINDOW = 3
AHEAD = 2
OUTCOMES = st.lists(st.sampled_from(["good", "bad", "later", "forgotten"]), min_size=6, max_size=6)
ANY = st.integers(min_value=0, max_value=100)
STAGES = st.sampled_from(Stage)

Key = tuple[str, int]


class Lifecycle(RuleBasedStateMachine):
    """Clients, workers and dispatchers that do what they like; some of them too late."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self.db = db
        self.jobs: list[Job] = []
        self.hints: list[Hint] = []
        #: Every batch that anybody ever began, in whatever state it is now.
        self.held: list[Held] = []
        self.ended: dict[Key, Image] = {}
        with db.write() as connection:
            for table in metadata.tables.values():
                connection.execute(table.delete())

    @rule(
        urls=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6),
        owner=st.sampled_from([None, "key_1", "key_2"]),
        deduplicate=st.booleans(),
        reuse=st.booleans(),
    )
    def a_client_submits(
        self, urls: list[str], owner: str | None, deduplicate: bool, reuse: bool
    ) -> None:
        options = Options(deduplicate=deduplicate, reuse=reuse)
        self.jobs.append(submit(self.db, urls, options=options, key_id=owner))

    @rule(stage=STAGES)
    def the_dispatcher_fills_the_window(self, stage: Stage) -> None:
        self.hints += lifecycle.dispatch(self.db, stage, WINDOW, AHEAD)

    @rule(stage=STAGES)
    def the_dispatcher_sends_lost_hints_again(self, stage: Stage) -> None:
        self.hints += lifecycle.lost_hints(self.db, stage, older_than=-1.0)

    @precondition(lambda self: self.hints)
    @rule(which=ANY)
    def a_worker_follows_a_hint(self, which: int) -> None:
        hint = self.hints[which % len(self.hints)]
        held = lifecycle.begin(self.db, hint, "worker", LEASE, DEADLINE)
        self.held += [held] if held else []

    @rule(stage=STAGES, limit=st.integers(1, 3))
    def a_worker_takes_what_is_next(self, stage: Stage, limit: int) -> None:
        self.held += lifecycle.begin_next(self.db, stage, "worker", limit, LEASE, DEADLINE)

    @precondition(lambda self: self.held)
    @rule(which=ANY, outcomes=OUTCOMES)
    def a_worker_has_fetched(self, which: int, outcomes: list[str]) -> None:
        held = self._any_held(which)
        sorted_out = list(zip(held.images, outcomes, strict=False))
        if held.stage is Stage.FETCH:
            lifecycle.prepared(
                self.db,
                held,
                "prepared/key",
                [ready(image) for image, outcome in sorted_out if outcome == "good"],
                [
                    Failed(i.position, "http_404", "s")
                    for i, outcome in sorted_out
                    if outcome == "bad"
                ],
                [
                    Later(i.position, "timeout", "s")
                    for i, outcome in sorted_out
                    if outcome == "later"
                ],
                checkpoint_sha256=CHECKPOINT["checkpoint_sha256"],
                reuse_seconds=3600.0,
                max_failures=2,
                retry_seconds=0.0,
            )

    @precondition(lambda self: self.held)
    @rule(which=ANY, outcomes=OUTCOMES)
    def a_worker_has_captioned(self, which: int, outcomes: list[str]) -> None:
        held = self._any_held(which)
        sorted_out = list(zip(held.images, outcomes, strict=False))
        if held.stage is Stage.CAPTION:
            lifecycle.finish(
                self.db,
                held,
                [
                    Captioned(i.position, i.url, -1.0, 0.5)
                    for i, outcome in sorted_out
                    if outcome == "good"
                ],
                [
                    Failed(i.position, "truncated", "s")
                    for i, outcome in sorted_out
                    if outcome == "bad"
                ],
                **CHECKPOINT,
            )

    @precondition(lambda self: self.held)
    @rule(which=ANY, spent=st.booleans())
    def a_worker_gives_a_batch_back(self, which: int, spent: bool) -> None:
        lifecycle.release(self.db, self._any_held(which), spent=spent, max_failures=2)

    @precondition(lambda self: self.held)
    @rule(which=ANY)
    def a_worker_misses_the_pictures(self, which: int) -> None:
        held = self._any_held(which)
        if held.stage is Stage.CAPTION:
            lifecycle.refetch(self.db, held, max_recoveries=2)

    @rule()
    def every_lease_runs_out(self) -> None:
        with self.db.write() as connection:
            connection.exec_driver_sql("UPDATE batches SET lease_until = 0 WHERE state = 'running'")
        lifecycle.recover(self.db, max_recoveries=2)

    @precondition(lambda self: self.held)
    @rule()
    def workers_renew_all_they_ever_had(self) -> None:
        lifecycle.renew(self.db, [(held.batch_id, held.attempt) for held in self.held], LEASE)

    @precondition(lambda self: self.jobs)
    @rule(which=ANY)
    def a_client_cancels(self, which: int) -> None:
        lifecycle.cancel(self.db, self._any_job(which).id)

    @precondition(lambda self: self.jobs)
    @rule(which=ANY, codes=st.sampled_from([None, ["http_404"], ["timeout", "internal_error"]]))
    def a_client_tries_failed_images_again(self, which: int, codes: list[str] | None) -> None:
        job = self._any_job(which)
        if job_of(self.db, job).state != JobState.CANCELED:
            lifecycle.retry_failed(self.db, job.id, codes, batch_images=2)
            self.ended = {at: image for at, image in self.ended.items() if image.code is None}

    @precondition(lambda self: self.jobs)
    @rule(which=ANY)
    def a_deadline_passes(self, which: int) -> None:
        with self.db.write() as connection:
            job_id = self._any_job(which).id
            connection.exec_driver_sql(f"UPDATE jobs SET deadline = 1 WHERE id = '{job_id}'")
        lifecycle.expire(self.db)

    @rule()
    def the_dispatcher_closes_what_has_ended(self) -> None:
        for job in lifecycle.closable(self.db, 10):
            assert lifecycle.closed(self.db, job.id, job.version)

    @invariant()
    def counters_are_what_counting_gives(self) -> None:
        for job in self.jobs:
            check_counters(self.db, job)

    @invariant()
    def no_window_is_exceeded(self) -> None:
        for figures in queries.stage_figures(self.db).values():
            assert figures.dispatched + figures.running <= WINDOW

    @invariant()
    def what_has_ended_stays_as_it_is(self) -> None:
        now = {
            (job.id, image.position): image
            for job in self.jobs
            for image in images_of(self.db, job)
        }
        for at, image in self.ended.items():
            assert now[at] == image
        self.ended = {
            at: image for at, image in now.items() if image.state is not ImageState.QUEUED
        }

    def teardown(self) -> None:
        """Whatever was left lying about: patient workers bring every job to its end."""
        self.every_lease_runs_out()
        work(self.db)
        for job in self.jobs:
            assert job_of(self.db, job).ended
            check_counters(self.db, job)
        figures = queries.stage_figures(self.db).values()
        assert {(each.queued, each.dispatched, each.running) for each in figures} == {(0, 0, 0)}

    def _any_held(self, which: int) -> Held:
        return self.held[which % len(self.held)]

    def _any_job(self, which: int) -> Job:
        return self.jobs[which % len(self.jobs)]


def test_every_image_ends_exactly_once_in_whatever_order_things_happen(db: Database) -> None:
    make: Callable[[], Any] = lambda: Lifecycle(db)  # noqa: E731
    run_state_machine_as_test(
        make,
        settings=settings(
            max_examples=250,
            stateful_step_count=60,
            deadline=None,
            derandomize=False,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
