"""`captions webhooks …`: what webhooks were told, and telling them once more."""

from argparse import Namespace

from cli.records import database, moment
from jobs import webhooks
from jobs.webhooks import Delivery

MOST_SHOWN = 1000


def show(arguments: Namespace) -> int:
    """The deliveries of a job, or of all jobs those that were given up."""
    with database() as db:
        if arguments.job:
            found = webhooks.deliveries(db, arguments.job)
        else:
            found = webhooks.undelivered(db, MOST_SHOWN)
    for delivery in found:
        print(line(delivery))
    return 0


def replay(arguments: Namespace) -> int:
    """The dispatcher sends them, with all their attempts anew and the ids that they had."""
    with database() as db:
        for delivery_id in arguments.deliveries:
            delivery = webhooks.replay(db, delivery_id)
            print(f"{delivery.event} will be told to {delivery.url}")
    return 0


def line(delivery: Delivery) -> str:
    """`msg_…  2026-01-31 12:00  failed     job.succeeded  job_…  10 attempts, last answer 503`"""
    tried = f"{delivery.attempts} attempts" if delivery.attempts != 1 else "1 attempt"
    if delivery.answer is not None:
        tried += f", last answer {delivery.answer}"
    elif delivery.error:
        tried += f": {delivery.error}"
    return (
        f"{delivery.id}  {moment(delivery.created_at)}  {delivery.status:<9}  "
        f"{delivery.event:<13}  {delivery.job_id}  {tried}"
    )
