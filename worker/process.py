"""A process that takes hints: what it has in hand, and a Celery worker with signals of ours."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from celery import Celery
from celery.apps.worker import Worker
from celery.exceptions import SecurityWarning
from celery.worker import state

from jobs import metrics, processes
from jobs.database import Database
from jobs.errors import DatabaseUnavailable
from jobs.queue import make_app, queue_lengths
from jobs.settings import Settings
from jobs.states import Stage
from jobs.store import Store, open_store
from worker.heartbeat import Heartbeat
from worker.stopping import Stop, listen
from worker.watchdog import Activity, Watchdog


@dataclass(frozen=True, slots=True)
class Post:
    """What a process of a stage works with. name: unique among all processes."""

    name: str
    stage: Stage
    settings: Settings
    db: Database
    store: Store
    app: Celery
    stop: Stop
    heartbeat: Heartbeat
    activity: Activity
    seen: Callable[[], None]


@contextmanager
def manned(
    settings: Settings,
    name: str,
    stage: Stage,
    stop: Stop,
    detail: Mapping[str, str] | None = None,
) -> Iterator[Post]:
    """A post whose leases are kept and whose process is seen to be alive, with `detail`."""
    ports = {
        Stage.FETCH: settings.metrics_port_fetch,
        Stage.CAPTION: settings.metrics_port_caption,
    }
    metrics.serve(ports[stage], settings.metrics_host)
    db = Database(settings.database_url)
    store = open_store(settings.store_url, settings)
    seen = partial(processes.seen, db, name, stage.value, detail)
    with Heartbeat(db, settings.lease_seconds, stop, seen) as heartbeat:
        yield Post(
            name, stage, settings, db, store, make_app(settings), stop, heartbeat, Activity(), seen
        )
    with suppress(DatabaseUnavailable):
        processes.gone(db, name)
    db.close()


def serve(post: Post, *, pool: str, concurrency: int) -> int:
    """Take hints of the post's stage until a stop is wanted. The exit code.

    Gossip and mingle stay off: workers have nothing to tell each other.
    """

    class Process(Worker):
        def install_platform_tweaks(self, worker: object) -> None:  # noqa: ARG002
            """Celery's own handlers would wait for running tasks without telling them."""
            listen(post.stop, then=_close_celery)

        def setup_logging(self, colorize: bool | None = None) -> bool:  # type: ignore[override] # noqa: ARG002
            """Lines are ours already, and two for each hint would only drown them."""
            logging.getLogger("celery").setLevel(logging.WARNING)
            return True

        def on_consumer_ready(self, consumer: object) -> None:
            super().on_consumer_ready(consumer)
            with suppress(DatabaseUnavailable):
                post.seen()

    # Celery warns of root because pickles would be code; ours are JSON.
    warnings.simplefilter("ignore", SecurityWarning)
    process = Process(
        app=post.app,
        hostname=post.name,
        queues=[post.stage.value],
        pool=pool,
        concurrency=concurrency,
        without_gossip=True,
        without_mingle=True,
        quiet=True,
    )
    Watchdog(post.stage, partial(_hints, post), post.activity, post.heartbeat).start()
    process.start()
    return int(process.exitcode or 0)


def _hints(post: Post) -> int:
    return queue_lengths(post.settings)[post.stage]


def _close_celery() -> None:
    state.should_stop = 0  # type: ignore[assignment]
