"""Rows of `batches` and `images` in bulk: COPY on PostgreSQL, prepared inserts on SQLite."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from psycopg import sql
from sqlalchemy import Connection, insert

from jobs.clock import now
from jobs.states import BatchState, ImageState, Stage
from jobs.tables import batches
from jobs.values import NewImage

COLUMNS = ("job_id", "position", "batch_id", "url", "key", "metadata", "state", "duplicate_of")
COPY = sql.SQL("COPY images ({}) FROM STDIN").format(
    sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
)
INSERT = f"INSERT INTO images ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608

Row = tuple[str, int, int | None, str, str | None, str | None, str, int | None]


def create_batches(connection: Connection, job_id: str, count: int, first: int) -> list[int]:
    """Queue `count` batches, numbered from `first`, to be fetched; their ids in order."""
    if not count:
        return []
    statement = (
        insert(batches)
        .values(stage=Stage.FETCH, state=BatchState.QUEUED, queued_at=now())
        .returning(batches.c.id, sort_by_parameter_order=True)
    )
    rows = [{"job_id": job_id, "number": number} for number in range(first, first + count)]
    return list(connection.scalars(statement, rows))


def load_images(
    connection: Connection,
    job_id: str,
    images: Iterable[NewImage],
    repeats: Mapping[int, int],
    batch_of: Iterable[int],
    start: int = 0,
) -> None:
    """Insert the images at `start` and on.

    Args:
        repeats: positions that repeat a URL, with the position that has it first.
        batch_of: the batch of each of the other images, in order.
    """
    rows = _rows(job_id, images, repeats, batch_of, start)
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(COPY) as copy:
            for row in rows:
                copy.write_row(row)
    else:
        connection.exec_driver_sql(INSERT, list(rows))


def _rows(
    job_id: str,
    images: Iterable[NewImage],
    repeats: Mapping[int, int],
    batch_of: Iterable[int],
    start: int,
) -> Iterator[Row]:
    queued = ImageState.QUEUED.value
    batch = iter(batch_of)
    for position, image in enumerate(images, start):
        original = repeats.get(position)
        metadata = image.metadata
        yield (
            job_id,
            position,
            next(batch) if original is None else None,
            image.url,
            image.key,
            None if metadata is None else orjson.dumps(metadata).decode(),
            queued,
            original,
        )
