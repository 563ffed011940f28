"""Rows of `images` in bulk: COPY on PostgreSQL, prepared inserts on SQLite."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from psycopg import sql
from sqlalchemy import Connection

from jobs.states import ImageState
from jobs.values import NewImage

COLUMNS = ("job_id", "position", "batch_id", "url", "key", "metadata", "state", "duplicate_of")
COPY = sql.SQL("COPY images ({}) FROM STDIN").format(
    sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
)


def load_images(
    connection: Connection,
    job_id: str,
    images: Iterable[NewImage],
    repeats: Mapping[int, int],
    batch_of: Sequence[int],
    start: int = 0,
) -> None:
    """Insert the images at `start` and on.

    Args:
        repeats: positions that repeat a URL, with the position that has it first.
        batch_of: the batch of each of the other images, in order.
    """
    rows = _rows(job_id, images, repeats, batch_of, start)
    if connection.dialect.name == "postgresql":
        _copy(connection, rows)
    else:
        _insert(connection, rows)


Row = tuple[str, int, int | None, str, str | None, Any, str, int | None]


def _rows(
    job_id: str,
    images: Iterable[NewImage],
    repeats: Mapping[int, int],
    batch_of: Sequence[int],
    start: int,
) -> Iterator[Row]:
    batch = iter(batch_of)
    for position, image in enumerate(images, start):
        original = repeats.get(position)
        yield (
            job_id,
            position,
            next(batch, None) if original is None else None,
            image.url,
            image.key,
            None if image.metadata is None else orjson.dumps(image.metadata).decode(),
            ImageState.QUEUED.value,
            original,
        )


def _copy(connection: Connection, rows: Iterable[Row]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(COPY) as copy:
        for row in rows:
            copy.write_row(row)


def _insert(connection: Connection, rows: Iterable[Row]) -> None:
    statement = (
        f"INSERT INTO images ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
    )
    connection.exec_driver_sql(statement, list(rows))
