"""Insert or update, which both databases spell alike and SQLAlchemy does not."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Upsert = postgresql.Insert | sqlite.Insert


def upsert(
    connection: Connection,
    table: Table,
    keep: Sequence[str] = (),
    only_where: ColumnElement[bool] | None = None,
) -> Upsert:
    """INSERT into `table`; a row of the same primary key takes the new values.

    The columns in `keep` stay as they were in such a row, and so do all of them
    unless it meets `only_where`.
    """
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement: Upsert = make(table)
    primary = [column.name for column in table.primary_key]
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in (*primary, *keep)
    }
    return statement.on_conflict_do_update(index_elements=primary, set_=changed, where=only_where)
