"""Pictures that an owner had captioned before."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select

from jobs.clock import now
from jobs.tables import known_captions, processes

#: A caption process that was silent for longer says nothing about what comes next.
ALIVE_SECONDS = 60.0


def known_pictures(
    connection: Connection,
    *,
    owner: str,
    wording: str,
    hashes: Collection[str],
    checkpoint_sha256: str | None,
    reuse_seconds: float,
) -> dict[str, dict[str, Any]]:
    """What is known of the pictures: hash to columns of `images`."""
    checkpoint = checkpoint_sha256 or _loaded_checkpoint(connection)
    if not hashes or checkpoint is None:
        return {}
    known = known_captions.c
    statement = select(
        known.sha256,
        known.caption,
        known.log_probability,
        known.confidence,
        known.alternatives,
        known.checkpoint,
        known.checkpoint_sha256,
    ).where(
        known.owner == owner,
        known.sha256.in_(hashes),
        known.checkpoint_sha256 == checkpoint,
        known.wording == wording,
        known.created_at > now() - reuse_seconds,
    )
    found = (row._asdict() for row in connection.execute(statement))
    return {row.pop("sha256"): row for row in found}


def _loaded_checkpoint(connection: Connection) -> str | None:
    """The hash that all living caption processes name in `detail`; None if they differ."""
    statement = select(processes.c.detail).where(
        processes.c.kind == "caption", processes.c.seen_at > now() - ALIVE_SECONDS
    )
    named = {(detail or {}).get("checkpoint_sha256") for detail in connection.scalars(statement)}
    return named.pop() if len(named) == 1 else None
