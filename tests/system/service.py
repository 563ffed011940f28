"""What system tests ask of a running stack."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import func, select

from cli.answers import Caption, Job
from cli.client import Client
from cli.stack import Stack
from jobs.database import Database
from jobs.settings import Settings, load_settings
from jobs.states import BatchState, Stage
from jobs.tables import batches

Answer = TypeVar("Answer")

# What a test allows for anything that it waits for, on a machine that is busy with other things.
PATIENCE_SECONDS = 120.0
# What the service promises after the last fault.
RECOVERY_SECONDS = 60.0

# Recovery quick enough to watch; nothing else differs from the defaults.
QUICK = {"lease_seconds": 5.0, "hint_seconds": 2.0, "retry_seconds": 0.2}
# Small enough that a picture can be too large, and an answer too late, without much ado.
LIMITS = {"max_picture_bytes": 2 * 1024 * 1024, "read_seconds": 1.0, "retry_seconds": 0.1}


def settings_for(home: Path, **chosen: Any) -> Settings:
    """A stack of its own that may fetch from this machine."""
    return load_settings(
        home=home, api_port=0, fetch_allow="127.0.0.1/32", **({"checkpoint": "scripted:"} | chosen)
    )


def served_settings(home: Path, database_url: str, redis_url: str, store_url: str) -> Settings:
    """A stack on services that are there already."""
    return settings_for(
        home,
        database_url=database_url,
        redis_url=redis_url,
        store_url=store_url,
        secret="no secret at all, but long enough for one",
        batch_images=10,
        checkpoint="scripted:delay_ms=10",
        **LIMITS,
    )


def wait_for(question: Callable[[], Answer], seconds: float = PATIENCE_SECONDS) -> Answer:
    """Ask until the answer is truthy."""
    until = time.monotonic() + seconds
    while not (answer := question()):
        if time.monotonic() > until:
            raise AssertionError(f"still not after {seconds:.0f} s: {question}")
        time.sleep(0.05)
    return answer


@dataclass(frozen=True)
class Service:
    """A running stack, its API and its record."""

    stack: Stack
    client: Client
    db: Database

    def submit(self, urls: Sequence[str]) -> str:
        return self.client.submit(urls).id

    def ended(self, job_id: str, seconds: float = PATIENCE_SECONDS) -> Job:
        """The job, once it has ended; asked of SQL's side of the API, however bumpy the rest is."""
        return wait_for(lambda: ((job := self.client.job(job_id)).ended and job) or None, seconds)

    def rows(self, job_id: str) -> list[Caption]:
        return list(self.client.captions(job_id))

    def holds(self, name: str, stage: Stage) -> bool:
        """Whether the process of this name has a batch of this stage in hand."""
        pid = self.stack.processes[name]
        return pid is not None and bool(self.held_by(pid, stage))

    def held_by(self, pid: int, stage: Stage) -> list[int]:
        """Ids of the batches that this process runs, as the record has it."""
        chosen = select(batches.c.id).where(
            batches.c.state == BatchState.RUNNING,
            batches.c.stage == stage,
            batches.c.worker.endswith(f"-{pid}"),
        )
        with self.db.read() as connection:
            return list(connection.scalars(chosen))

    def count(self, job_id: str, *conditions: Any) -> int:
        """How many of the job's batches fit the conditions."""
        chosen = select(func.count()).where(batches.c.job_id == job_id, *conditions)
        with self.db.read() as connection:
            return connection.execute(chosen).scalar_one()

    def workers(self) -> set[str]:
        """Names of the processes that handed a batch on, by their logs."""
        logs = (self.stack.settings.home / "logs").glob("*.log")
        done = ("batch_fetched", "batch_captioned")
        return {log.stem for log in logs if any(word in log.read_text() for word in done)}

    def total(self, job_id: str, column: Any) -> int:
        """A column of the job's batches, summed."""
        chosen = select(func.coalesce(func.sum(column), 0)).where(batches.c.job_id == job_id)
        with self.db.read() as connection:
            return int(connection.execute(chosen).scalar_one())

    def restarted(self, name: str, pid: int | None) -> int:
        """The pid of the process that took the place of the one that was killed."""
        return wait_for(lambda: ((now := self.stack.processes[name]) != pid and now) or 0)


@contextmanager
def serving(settings: Settings, **workers: int) -> Iterator[Service]:
    """A stack that is ready, and ended afterwards."""
    with Stack(settings, **workers) as stack:
        stack.wait_ready(PATIENCE_SECONDS)
        db = Database(stack.settings.database_url)
        with Client(stack.url) as client:
            yield Service(stack, client, db)
        db.close()
