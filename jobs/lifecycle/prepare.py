"""From the fetch stage to the caption stage."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from jobs.clock import now
from jobs.codes import CODES
from jobs.database import Database
from jobs.lifecycle.endings import (
    Ended,
    count,
    end_duplicates,
    end_each,
    end_failed,
    lock_job,
    move_batch,
)
from jobs.lifecycle.known import known_pictures
from jobs.states import BatchState, ImageState, Stage
from jobs.tables import batches, images
from jobs.values import Failed, Held, Later, Ready

#: However long a server asks us to stay away.
LONGEST_DELAY = 3600.0


def prepared(
    db: Database,
    held: Held,
    prepared_key: str | None,
    ready: Sequence[Ready],
    failed: Sequence[Failed],
    later: Sequence[Later],
    *,
    checkpoint_sha256: str | None = None,
    reuse_seconds: float,
    max_failures: int,
    retry_seconds: float,
) -> bool:
    """Record what fetching a batch came to, and queue what is left of it for captioning.

    Pictures that this owner had captioned before (same bytes, checkpoint and
    wording) end at once. Images of `later` move to new fetch batches that wait
    for their time, or fail when their tries are spent. An image in no list fails
    with `internal_error`. The batch is finished if nothing is left of it.

    Args:
        prepared_key: where the pictures of `ready` lie in the store.
        checkpoint_sha256: the checkpoint that will caption them; by default the
            one that the living caption processes have loaded, if they agree.
        retry_seconds: the first delay of a transient failure; it doubles.

    Returns:
        Whether it counted; False once the batch is no longer this attempt's.
    """
    with db.write() as connection:
        job = lock_job(connection, held.job_id)
        if job is None or not move_batch(connection, held, **_to_captioning(prepared_key)):
            return False
        _record_pictures(connection, held, ready)
        ended = end_failed(connection, held, failed)
        ended += _postpone(connection, held, later, max_failures, retry_seconds)
        if held.options.reuse:
            ended += _reuse(connection, job, held, ready, checkpoint_sha256, reuse_seconds)
        ended += _end_unmentioned(connection, held, ready)
        ended += end_duplicates(connection, job, held.batch_id)
        _finish_if_empty(connection, held)
        count(connection, job, ended)
    return True


def _to_captioning(prepared_key: str | None) -> dict[str, Any]:
    return {
        "stage": Stage.CAPTION,
        "state": BatchState.QUEUED,
        "queued_at": now(),
        "not_before": 0.0,
        "failures": 0,
        "prepared_key": prepared_key,
        "error": None,
    }


def _record_pictures(connection: Connection, held: Held, ready: Sequence[Ready]) -> None:
    rows = [
        {
            "at": picture.position,
            "sha256": picture.sha256,
            "width": picture.width,
            "height": picture.height,
            "bytes": picture.size,
        }
        for picture in ready
    ]
    if rows:
        statement = (
            update(images)
            .where(
                images.c.job_id == held.job_id,
                images.c.position == bindparam("at"),
                images.c.batch_id == held.batch_id,
            )
            .values({name: bindparam(name) for name in rows[0] if name != "at"})
        )
        connection.execute(statement, rows)


def _postpone(
    connection: Connection,
    held: Held,
    later: Sequence[Later],
    max_failures: int,
    retry_seconds: float,
) -> Ended:
    spent = {image.position: image.failures + 1 for image in held.images}
    over = [image for image in later if spent[image.position] >= max_failures]
    again = [image for image in later if spent[image.position] < max_failures]
    for delay, positions in _by_delay(again, spent, retry_seconds).items():
        _move_to_new_batch(connection, held, positions, delay)
    return end_failed(
        connection, held, [Failed(image.position, image.code, image.message) for image in over]
    )


def _by_delay(
    again: Iterable[Later], spent: dict[int, int], retry_seconds: float
) -> dict[float, list[int]]:
    """Positions by how long they wait: a power of two seconds, so that groups stay few."""
    groups = defaultdict(list)
    for image in again:
        delay = image.delay
        if delay is None:
            delay = retry_seconds * 2 ** (spent[image.position] - 1)
        groups[min(_rounded_up(delay), LONGEST_DELAY)].append(image.position)
    return groups


def _rounded_up(seconds: float) -> float:
    return 2.0 ** math.ceil(math.log2(seconds)) if seconds > 0 else 0.0


def _move_to_new_batch(
    connection: Connection, held: Held, positions: Sequence[int], delay: float
) -> None:
    number = select(func.max(batches.c.number) + 1).where(batches.c.job_id == held.job_id)
    created = insert(batches).values(
        job_id=held.job_id,
        number=number.scalar_subquery(),
        stage=Stage.FETCH,
        state=BatchState.QUEUED,
        queued_at=now(),
        not_before=now() + delay,
    )
    batch_id = connection.execute(created.returning(batches.c.id)).scalar_one()
    connection.execute(
        update(images)
        .where(
            images.c.job_id == held.job_id,
            images.c.position.in_(positions),
            images.c.batch_id == held.batch_id,
            images.c.state == ImageState.QUEUED,
        )
        .values(batch_id=batch_id, failures=images.c.failures + 1)
    )


def _reuse(
    connection: Connection,
    job: Row[Any],
    held: Held,
    ready: Sequence[Ready],
    checkpoint_sha256: str | None,
    reuse_seconds: float,
) -> Ended:
    known = known_pictures(
        connection,
        owner=job.key_id or "",
        wording=held.options.wording,
        hashes={picture.sha256 for picture in ready},
        checkpoint_sha256=checkpoint_sha256,
        reuse_seconds=reuse_seconds,
    )
    rows = [
        {"at": picture.position, "reused": True, **known[picture.sha256]}
        for picture in ready
        if picture.sha256 in known
    ]
    kept = end_each(connection, held.job_id, held.batch_id, rows, ImageState.SUCCEEDED)
    return Ended(succeeded=kept, reused=kept)


def _end_unmentioned(connection: Connection, held: Held, ready: Sequence[Ready]) -> Ended:
    """Images that the worker forgot must end too, or the job never would."""
    mentioned = {picture.position for picture in ready}
    left = select(images.c.position).where(
        images.c.batch_id == held.batch_id, images.c.state == ImageState.QUEUED
    )
    forgotten = set(connection.execute(left).scalars()) - mentioned
    sentence = CODES["internal_error"].sentence
    return end_failed(
        connection, held, [Failed(at, "internal_error", sentence) for at in sorted(forgotten)]
    )


def _finish_if_empty(connection: Connection, held: Held) -> None:
    left = select(images.c.position).where(
        images.c.batch_id == held.batch_id, images.c.state == ImageState.QUEUED
    )
    connection.execute(
        update(batches)
        .where(batches.c.id == held.batch_id, ~left.exists())
        .values(state=BatchState.FINISHED)
    )
