"""What the service needs, asked one by one: which part is missing, and what to do."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from api.context import Context
from jobs import processes, queue
from jobs.errors import CaptionsError

ANSWER_SECONDS = 3.0
SEEN_SECONDS = 30.0
WORKERS = ("dispatch", "fetch", "caption")
NEEDED = ("database", "store")
"""Without these the API cannot answer; without the others jobs are taken and wait."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that the service needs. hint: what to do where it is not ok."""

    name: str
    state: Literal["ok", "missing", "down"]
    detail: str
    hint: str | None = None


async def look(context: Context) -> list[Part]:
    """Every part, asked side by side, each given three seconds."""
    settings = context.settings
    asked = await asyncio.gather(
        _ask(context, "database", context.db.check, "Check CAPTIONS_DATABASE_URL and the server."),
        _ask(
            context,
            "redis",
            lambda: queue.queue_lengths(settings),
            "Check CAPTIONS_REDIS_URL and the server; jobs are kept and go on when it is back.",
        ),
        _ask(context, "store", context.store.check, "Check CAPTIONS_STORE_URL and the server."),
    )
    return [*asked, *await _workers(context, database_ok=asked[0].state == "ok")]


def status(parts: list[Part]) -> Literal["ready", "degraded", "unavailable"]:
    """unavailable: something without which nothing can be answered; degraded: anything else."""
    bad = {part.name for part in parts if part.state != "ok"}
    if bad.intersection(NEEDED):
        return "unavailable"
    return "degraded" if bad else "ready"


async def _ask(context: Context, name: str, check: Callable[[], object], hint: str) -> Part:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await context.bulk.run(check)
    except TimeoutError:
        return Part(name, "down", f"did not answer within {ANSWER_SECONDS:g} seconds", hint)
    except CaptionsError:
        return Part(name, "down", "does not answer as it should", hint)
    return Part(name, "ok", "answers")


async def _workers(context: Context, *, database_ok: bool) -> list[Part]:
    if not database_ok:
        unknown = "cannot be known without the database"
        return [Part(kind, "missing", unknown, "Bring the database back.") for kind in WORKERS]
    alive = await context.quick.run(processes.alive, context.db, SEEN_SECONDS)
    kinds = [process.kind for process in alive]
    return [_worker(kind, kinds.count(kind)) for kind in WORKERS]


def _worker(kind: str, number: int) -> Part:
    if number:
        return Part(kind, "ok", f"{number} seen in the last {SEEN_SECONDS:g} seconds")
    missing = f"none was seen in the last {SEEN_SECONDS:g} seconds"
    return Part(kind, "missing", missing, f"Start one: python -m worker {kind}")
