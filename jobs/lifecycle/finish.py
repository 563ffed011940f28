"""The one transaction that ends a captioned batch."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from jobs.clock import now
from jobs.database import Database
from jobs.lifecycle.endings import (
    count,
    end_captioned,
    end_duplicates,
    end_failed,
    end_rest,
    lock_job,
    move_batch,
)
from jobs.states import BatchState, ImageState
from jobs.tables import images, known_captions
from jobs.upserts import upsert
from jobs.values import Captioned, Failed, Held


def finish(
    db: Database,
    held: Held,
    captioned: Sequence[Captioned],
    failed: Sequence[Failed],
    *,
    checkpoint: str,
    checkpoint_sha256: str,
) -> bool:
    """End the batch, its images and their duplicates; with the last image, the job.

    An image of the batch that is in neither list fails with `internal_error`.

    Returns:
        Whether it counted; False once the batch is no longer this attempt's.
    """
    with db.write() as connection:
        job = lock_job(connection, held.job_id)
        if job is None or not move_batch(connection, held, state=BatchState.FINISHED):
            return False
        ended = (
            end_captioned(connection, held, captioned, checkpoint, checkpoint_sha256)
            + end_failed(connection, held, failed)
            + end_rest(connection, held.batch_id, "internal_error")
            + end_duplicates(connection, job, held.batch_id)
        )
        if held.options.reuse:
            _remember(connection, job, held)
        count(connection, job, ended)
    return True


def _remember(connection: Connection, job: Row[Any], held: Held) -> None:
    """Keep the batch's captions for the next time that this owner sends the same bytes."""
    columns = (
        images.c.sha256,
        images.c.checkpoint_sha256,
        images.c.checkpoint,
        images.c.caption,
        images.c.log_probability,
        images.c.confidence,
        images.c.alternatives,
    )
    captioned = (
        select(*columns)
        .where(
            images.c.batch_id == held.batch_id,
            images.c.state == ImageState.SUCCEEDED,
            images.c.sha256.is_not(None),
            ~images.c.reused,
        )
        # In one order, so that two batches with the same pictures cannot block each other.
        .order_by(images.c.sha256)
    )
    known = {"owner": job.key_id or "", "wording": held.options.wording}
    rows = {row.sha256: row._asdict() | known for row in connection.execute(captioned)}
    if rows:
        statement = upsert(connection, known_captions).values(created_at=now())
        connection.execute(statement, list(rows.values()))
