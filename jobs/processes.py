"""Who is alive: every process writes a line about itself every few seconds."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select

from jobs.clock import now
from jobs.database import Database
from jobs.tables import processes
from jobs.upserts import upsert


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it last described itself; `age` is the seconds since then."""

    name: str
    kind: str
    host: str
    pid: int
    started_at: float
    seen_at: float
    age: float
    detail: Mapping[str, Any] | None


def seen(db: Database, name: str, kind: str, detail: Mapping[str, Any] | None = None) -> None:
    """Say that this process, unique by `name`, lives as a `kind` (api, fetch, caption, …)."""
    row = {
        "name": name,
        "kind": kind,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started_at": now(),
        "seen_at": now(),
        "detail": detail,
    }
    with db.write() as connection:
        connection.execute(upsert(connection, processes, keep=("started_at",)).values(row))


def gone(db: Database, name: str) -> None:
    """Say that this process ends in order."""
    with db.write() as connection:
        connection.execute(delete(processes).where(processes.c.name == name))


def alive(db: Database, within: float = 30.0) -> list[Process]:
    """Processes that were seen in the last `within` seconds, by kind and name."""
    statement = (
        select(processes, (now() - processes.c.seen_at).label("age"))
        .where(processes.c.seen_at > now() - within)
        .order_by(processes.c.kind, processes.c.name)
    )
    with db.read() as connection:
        return [Process(**row._mapping) for row in connection.execute(statement)]


def forget(db: Database, older_than: float) -> int:
    """Drop the lines of processes that were not seen for so long."""
    with db.write() as connection:
        found = connection.execute(
            delete(processes).where(processes.c.seen_at < now() - older_than)
        )
        return found.rowcount
