"""What nobody needs any more is removed: a little at a time, again and again.

Each function does a bounded piece of work and answers how much there was; an
interrupted one is taken up where it stopped. Objects go before rows, so that a
row still names whatever is left to remove.
"""

from collections.abc import Iterator

from sqlalchemy import Column, ColumnElement, delete, func, select, update

from jobs import processes
from jobs.clock import now
from jobs.database import Database
from jobs.settings import Settings
from jobs.states import ENDED, JobState
from jobs.store import Store, upload_key
from jobs.tables import batches, idempotency, images, jobs, known_captions, turns, uploads, webhooks

#: Rows that one statement removes.
AT_ONCE = 10_000
JOBS_AT_ONCE = 20
#: Prepared batches of an ended job serve thumbnails for so long.
THUMBNAIL_SECONDS = 3600.0
#: What a job leaves in the store.
FOLDERS = ("prepared", "results")


def sweep(db: Database, store: Store, settings: Settings) -> int:
    """One round of everything below; how much was moved or removed."""
    return (
        hide_outlived(db)
        + hide_abandoned(db, settings.receive_seconds)
        + remove_hidden(db, store)
        + clear_prepared(db, store)
        + remove_uploads(db, store)
        + forget_captions(db, settings.reuse_seconds)
        + forget_requests(db)
        + processes.forget(db, older_than=3600.0)
    )


def hide_outlived(db: Database) -> int:
    """Hide ended jobs that were to be kept until now."""
    return _hide(db, jobs.c.keep_until < now(), jobs.c.state.in_(ENDED))


def hide_abandoned(db: Database, receive_seconds: float) -> int:
    """Hide jobs whose images stopped arriving."""
    return _hide(
        db, jobs.c.state == JobState.RECEIVING, jobs.c.updated_at < now() - receive_seconds
    )


def remove_hidden(db: Database, store: Store) -> int:
    """Remove deleted jobs: their objects, their rows, then themselves; how many rows went."""
    hidden = select(jobs.c.id).where(jobs.c.deleted_at.is_not(None)).limit(JOBS_AT_ONCE)
    with db.read() as connection:
        ids = connection.scalars(hidden).all()
    return sum(_remove_job(db, store, job_id) for job_id in ids)


def clear_prepared(db: Database, store: Store) -> int:
    """Drop the pictures of jobs that ended a while ago; how many jobs there were."""
    ended = (
        select(jobs.c.id, jobs.c.version)
        .where(
            jobs.c.cleared_at.is_(None),
            jobs.c.state.in_(ENDED),
            jobs.c.finished_at < now() - THUMBNAIL_SECONDS,
            jobs.c.deleted_at.is_(None),
        )
        .order_by(jobs.c.finished_at)
        .limit(JOBS_AT_ONCE)
    )
    with db.read() as connection:
        found = connection.execute(ended).all()
    for job_id, version in found:
        # First the mark, then the objects: a job that is retried in between fetches anew.
        if _mark_cleared(db, job_id, version):
            store.delete(store.list(f"prepared/{job_id}/"))
    return len(found)


def remove_uploads(db: Database, store: Store) -> int:
    """Remove uploads that expired before a job named them."""
    expired = delete(uploads).where(uploads.c.expires_at < now()).returning(uploads.c.id)
    with db.write() as connection:
        ids = connection.scalars(expired).all()
        store.delete(upload_key(upload_id) for upload_id in ids)
    return len(ids)


def forget_captions(db: Database, reuse_seconds: float) -> int:
    """Forget captions that are too old to be used again."""
    made = known_captions.c.created_at
    oldest = select(made).where(made < now() - reuse_seconds).order_by(made).limit(AT_ONCE)
    last = select(func.max(oldest.subquery().c.created_at)).scalar_subquery()
    with db.write() as connection:
        return connection.execute(delete(known_captions).where(made <= last)).rowcount


def forget_requests(db: Database) -> int:
    """Forget Idempotency-Keys whose time is over."""
    with db.write() as connection:
        statement = delete(idempotency).where(idempotency.c.expires_at < now())
        return connection.execute(statement).rowcount


def orphans(db: Database, store: Store) -> Iterator[str]:
    """Keys of objects that belong to no job and no upload."""
    for folder in FOLDERS:
        yield from _unowned(db, store, f"{folder}/", jobs.c.id)
    yield from _unowned(db, store, "uploads/", uploads.c.id)


def _unowned(db: Database, store: Store, prefix: str, column: Column[str]) -> Iterator[str]:
    owner, known = None, False
    for key in store.list(prefix):
        # Keys come in order, so each owner is asked for once.
        if (name := key.removeprefix(prefix).split("/")[0]) != owner:
            owner, known = name, _exists(db, column, name)
        if not known:
            yield key


def _exists(db: Database, column: Column[str], name: str) -> bool:
    with db.read() as connection:
        return connection.execute(select(column).where(column == name)).first() is not None


def _hide(db: Database, *conditions: ColumnElement[bool]) -> int:
    statement = (
        update(jobs)
        .where(*conditions, jobs.c.deleted_at.is_(None))
        .values(deleted_at=now(), version=jobs.c.version + 1)
    )
    with db.write() as connection:
        return connection.execute(statement).rowcount


def _remove_job(db: Database, store: Store, job_id: str) -> int:
    for folder in FOLDERS:
        store.delete(store.list(f"{folder}/{job_id}/"))
    with db.read() as connection:
        owned = connection.scalars(select(uploads.c.id).where(uploads.c.job_id == job_id)).all()
    store.delete(upload_key(upload_id) for upload_id in owned)
    removed = 1
    while some := _remove_images(db, job_id):
        removed += some
    with db.write() as connection:
        for table in (batches, webhooks, uploads, idempotency):
            connection.execute(delete(table).where(table.c.job_id == job_id))
        connection.execute(delete(turns).where(turns.c.holder == job_id))
        connection.execute(delete(jobs).where(jobs.c.id == job_id))
    return removed


def _remove_images(db: Database, job_id: str) -> int:
    first = select(func.min(images.c.position)).where(images.c.job_id == job_id)
    statement = delete(images).where(
        images.c.job_id == job_id, images.c.position < first.scalar_subquery() + AT_ONCE
    )
    with db.write() as connection:
        return connection.execute(statement).rowcount


def _mark_cleared(db: Database, job_id: str, version: int) -> bool:
    statement = (
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.version == version, jobs.c.state.in_(ENDED))
        .values(cleared_at=now())
        .returning(jobs.c.id)
    )
    with db.write() as connection:
        return connection.execute(statement).one_or_none() is not None
