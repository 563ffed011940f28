"""What a job's webhook will be told, recorded in the transaction that ends the job."""

from typing import Any

from sqlalchemy import Connection, Row, insert

from jobs.clock import now
from jobs.ids import new_id
from jobs.states import JobState
from jobs.tables import webhooks


def announce(connection: Connection, job: Row[Any], state: JobState) -> None:
    """Put the event `job.<state>` in line for delivery, if the job has a webhook."""
    if not job.webhook_url:
        return
    connection.execute(
        insert(webhooks).values(
            id=new_id("msg"),
            job_id=job.id,
            key_id=job.key_id,
            event=f"job.{state}",
            url=job.webhook_url,
            status="waiting",
            next_attempt=now(),
            created_at=now(),
        )
    )
