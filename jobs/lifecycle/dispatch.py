"""From queued to dispatched: within the window, fairly."""

from collections import Counter
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Select,
    cast,
    exists,
    func,
    literal,
    select,
    text,
    true,
    update,
)

from jobs.clock import now
from jobs.database import Database
from jobs.lifecycle.plan import Candidate, plan_round
from jobs.states import ACTIVE, BatchState, Stage
from jobs.tables import batches, jobs, turns
from jobs.upserts import upsert
from jobs.values import Hint

IN_WINDOW = (BatchState.DISPATCHED, BatchState.RUNNING)
#: The lock of one dispatch; any number that nothing else locks on.
LOCK = 7_306_014
#: Far more than the resolution of a double at today's epoch, far less than a dispatch takes.
NEXT_TURN = 1e-6


def dispatch(db: Database, stage: Stage, window: int, fetch_ahead: int) -> list[Hint]:
    """Fill the stage's window and return the hints to send.

    Args:
        window: dispatched and running batches that the stage may have, over all jobs.
        fetch_ahead: caption-queued batches of one job at which its fetching pauses.
    """
    if not _is_worth_it(db, stage, window):
        return []
    with db.write() as connection:
        _one_at_a_time(connection, stage)
        slots = window - _in_window(connection, stage)
        if slots <= 0:
            return []
        candidates = _candidates(connection, stage, slots, fetch_ahead)
        granted = plan_round(candidates, slots)
        _give_turns(connection, stage, granted, {item.job: item.key for item in candidates})
        return [
            hint
            for job, count in Counter(granted).items()
            for hint in _dispatch_of(connection, stage, job, count)
        ]


def waiting_hints(db: Database, stage: Stage) -> list[Hint]:
    """What was dispatched and not begun, longest ago first."""
    statement = (
        select(batches.c.id, batches.c.stage, batches.c.attempt)
        .where(batches.c.stage == stage, batches.c.state == BatchState.DISPATCHED)
        .order_by(batches.c.dispatched_at, batches.c.id)
    )
    with db.read() as connection:
        return [Hint(*row) for row in connection.execute(statement)]


def lost_hints(
    db: Database, stage: Stage, older_than: float, *, overtaken: bool = False
) -> list[Hint]:
    """What was dispatched so many seconds ago and not begun, to be sent once more.

    Args:
        overtaken: only where a hint that was sent as many seconds later runs already.
    """
    later = batches.alias("later")
    begun_later = exists().where(
        later.c.stage == stage,
        later.c.state == BatchState.RUNNING,
        later.c.dispatched_at > batches.c.dispatched_at + older_than,
    )
    lost = (
        select(batches.c.id)
        .where(
            batches.c.stage == stage,
            batches.c.state == BatchState.DISPATCHED,
            batches.c.dispatched_at < now() - older_than,
            begun_later if overtaken else true(),
        )
        .with_for_update(skip_locked=True, of=batches)
        .cte("lost")
    )
    statement = (
        update(batches)
        .where(batches.c.id.in_(select(lost.c.id)), batches.c.state == BatchState.DISPATCHED)
        .values(dispatched_at=now())
        .returning(batches.c.id, batches.c.stage, batches.c.attempt)
    )
    with db.write() as connection:
        return sorted((Hint(*row) for row in connection.execute(statement)), key=_by_id)


def _by_id(hint: Hint) -> int:
    return hint.batch_id


def _is_worth_it(db: Database, stage: Stage, window: int) -> bool:
    # Asked ten times a second for ever: cheap, and without the lock that writers wait for.
    with db.read() as connection:
        asked = connection.execute(ROOM_AND_WORK[stage]).one()
    return bool(asked.due) and asked.taken < window


def _room_and_work(stage: Stage) -> Select[Any]:
    in_window = select(func.count()).where(batches.c.stage == stage, batches.c.state.in_(IN_WINDOW))
    due = exists().where(
        batches.c.stage == stage,
        batches.c.state == BatchState.QUEUED,
        batches.c.not_before <= now(),
    )
    return select(in_window.scalar_subquery().label("taken"), due.label("due"))


ROOM_AND_WORK = {stage: _room_and_work(stage) for stage in Stage}


def _one_at_a_time(connection: Connection, stage: Stage) -> None:
    # Two dispatchers that count at the same moment would both fill the same room.
    if connection.dialect.name == "postgresql":
        lock = {"lock": LOCK, "stage": list(Stage).index(stage)}
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock, :stage)"), lock)


def _in_window(connection: Connection, stage: Stage) -> int:
    counted = select(func.count()).where(batches.c.stage == stage, batches.c.state.in_(IN_WINDOW))
    return connection.execute(counted).scalar_one()


def _candidates(
    connection: Connection, stage: Stage, slots: int, fetch_ahead: int
) -> list[Candidate]:
    """Active jobs with due batches; of each at most `slots` are counted."""
    owner = func.coalesce(jobs.c.key_id, "")
    job_turns, key_turns = turns.alias("job_turns"), turns.alias("key_turns")
    due = _count_up_to(slots, stage, batches.c.not_before <= now()).label("available")
    found = (
        select(jobs.c.id, owner, job_turns.c.turn, key_turns.c.turn, due, jobs.c.total)
        .select_from(jobs)
        .outerjoin(job_turns, (job_turns.c.stage == stage) & (job_turns.c.holder == jobs.c.id))
        .outerjoin(key_turns, (key_turns.c.stage == stage) & (key_turns.c.holder == owner))
        .where(jobs.c.state.in_(ACTIVE))
    )
    if stage is Stage.FETCH:
        found = found.where(_count_up_to(fetch_ahead, Stage.CAPTION) < fetch_ahead)
    return [Candidate(*row) for row in connection.execute(found) if row.available]


def _count_up_to(limit: int, stage: Stage, *conditions: Any) -> Any:
    """How many queued batches of the job the stage has, counting no further than `limit`."""
    some: Select[Any] = (
        select(literal(1).label("one"))
        .where(
            batches.c.job_id == jobs.c.id,
            batches.c.stage == stage,
            batches.c.state == BatchState.QUEUED,
            *conditions,
        )
        .limit(limit)
        .correlate(jobs)
    )
    return select(cast(func.count(), Integer)).select_from(some.subquery()).scalar_subquery()


def _give_turns(
    connection: Connection, stage: Stage, granted: list[str], keys: dict[str, str]
) -> None:
    if not granted:
        return
    moment = connection.execute(select(now())).scalar_one()
    served: dict[str, float] = {}
    for place, job in enumerate(granted):
        served[job] = served[keys[job]] = moment + place * NEXT_TURN
    rows = [{"stage": stage, "holder": name, "turn": turn} for name, turn in served.items()]
    connection.execute(upsert(connection, turns), rows)


def _dispatch_of(connection: Connection, stage: Stage, job: str, count: int) -> list[Hint]:
    first = (
        select(batches.c.id)
        .where(
            batches.c.job_id == job,
            batches.c.stage == stage,
            batches.c.state == BatchState.QUEUED,
            batches.c.not_before <= now(),
        )
        .order_by(batches.c.number)
        .limit(count)
        .with_for_update(skip_locked=True)
        # As a subquery PostgreSQL may run it once for each row, and so exceed the limit.
        .cte("first")
    )
    statement = (
        update(batches)
        .where(batches.c.id.in_(select(first.c.id)), batches.c.state == BatchState.QUEUED)
        .values(state=BatchState.DISPATCHED, dispatched_at=now())
        .returning(batches.c.id, batches.c.stage, batches.c.attempt)
    )
    return sorted((Hint(*row) for row in connection.execute(statement)), key=_by_id)
