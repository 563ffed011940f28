"""The one clock: the database's, as epoch seconds (UTC) in double precision.

Workers on many machines compare leases and deadlines; only a clock that they
share can be trusted. SQLite's resolution is a millisecond, PostgreSQL's a
microsecond.
"""

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement


class now(FunctionElement[float]):  # noqa: N801 - it reads as the SQL function that it is
    """`now()` in a statement: the moment at which the database runs it."""

    type = Double()
    inherit_cache = True


@compiles(now, "postgresql")
def _postgresql(*_: object, **__: object) -> str:
    # now() would stand still for the whole transaction, however long it waits for a lock.
    return "extract(epoch FROM clock_timestamp())::double precision"


@compiles(now, "sqlite")
def _sqlite(*_: object, **__: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"
