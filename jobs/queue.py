"""The Celery app: Redis carries hints (batch, attempt), never the record.

No results, no events, no retries, no ETA: waiting is `not_before` in SQL, and a
hint that is lost is sent again. Remote control stays on: without it workers do
not come back after a restart of the Redis server (docs/reliability.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as KombuOperationalError
from redis import Redis
from redis.exceptions import RedisError

from jobs.errors import QueueUnavailable
from jobs.settings import Settings
from jobs.states import Stage
from jobs.values import Hint

#: No hint lives so long: what is not acknowledged is found again through SQL.
VISIBILITY_SECONDS = 24 * 3600


def task_name(stage: Stage) -> str:
    return f"captions.{stage}"


def make_app(settings: Settings) -> Celery:
    """The app that producers and workers share; `worker.tasks` adds the tasks."""
    app = Celery("captions", broker=settings.broker_url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_serializer="json",
        accept_content=["json"],
        task_create_missing_queues=True,
        task_routes={task_name(stage): {"queue": stage.value} for stage in Stage},
        task_acks_late=False,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=True,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        timezone="UTC",
    )
    return app


def send_hint(app: Celery, hint: Hint) -> None:
    """Ring at the stage's door.

    Raises:
        QueueUnavailable: if Redis does not take it; the dispatcher sends it again.
    """
    with _mapped():
        app.send_task(task_name(hint.stage), args=(hint.batch_id, hint.attempt))


def queue_lengths(settings: Settings) -> dict[Stage, int]:
    """Hints that wait in Redis, for each stage.

    Raises:
        QueueUnavailable: if Redis does not answer.
    """
    with _connection(settings) as connection:
        return {stage: int(connection.llen(stage.value)) for stage in Stage}


def purge(settings: Settings) -> None:
    """Drop every hint; the dispatcher gives them out again."""
    with _connection(settings) as connection:
        connection.delete(*(stage.value for stage in Stage))


@contextmanager
def _connection(settings: Settings) -> Iterator[Redis]:
    with _mapped():
        connection = Redis.from_url(
            settings.redis_url, socket_timeout=5, socket_connect_timeout=5, retry=None
        )
        with connection:
            yield connection


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except (KombuError, KombuOperationalError, RedisError, OSError) as error:
        raise QueueUnavailable(f"{QueueUnavailable.__doc__} ({error})") from error
