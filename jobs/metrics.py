"""Prometheus metrics: their names, in one place, for the API and every worker.

Counters count in the process that did the thing; what the record knows (batches,
ages, images left) is read from it when it is asked for, by `RecordCollector`.
"""

from collections.abc import Iterator
from wsgiref.simple_server import WSGIServer

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from jobs import processes, queries
from jobs.database import Database

IMAGES = Counter("captions_images", "Images that ended, by state and code.", ["state", "code"])
REUSED = Counter("captions_images_reused", "Images that kept an earlier caption of their owner.")
STAGE_SECONDS = Histogram(
    "captions_stage_seconds",
    "Seconds from beginning a batch to giving it on.",
    ["stage"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900),
)
DEVICE_BATCH = Histogram(
    "captions_device_batch_images",
    "Pictures that the network was given at once.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
)
DEVICE_SECONDS = Histogram(
    "captions_device_batch_seconds", "Seconds that the network took for one device batch."
)
FETCHED_BYTES = Counter("captions_fetched_bytes", "Bytes of pictures that were fetched.")
FETCHES = Counter("captions_fetches", "Downloads, by outcome.", ["code"])
LEASES_LOST = Counter("captions_leases_lost", "Leases that ran out or were refused.", ["stage"])
HINTS = Counter("captions_hints_sent", "Hints given to Redis.", ["stage"])
HINTS_LOST = Counter("captions_hints_sent_again", "Hints that had to be given again.", ["stage"])
WINDOW = Gauge("captions_window", "Batches that a stage may have in work.", ["stage"])
LAST_PROGRESS = Gauge(
    "captions_last_progress_timestamp_seconds", "When this worker last gave a batch on.", ["stage"]
)
IDLE_SECONDS = Gauge(
    "captions_idle_while_work_waits_seconds",
    "For how long hints have waited while this worker began nothing.",
    ["stage"],
)
WEBHOOKS = Counter("captions_webhook_deliveries", "Attempts to tell a webhook.", ["outcome"])
REQUESTS = Counter("captions_requests", "HTTP requests.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "captions_request_seconds",
    "Seconds to the end of the answer.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


def serve(port: int, host: str) -> WSGIServer | None:
    """Answer `/metrics` in a thread; nothing if `port` is 0."""
    return start_http_server(port, host)[0] if port else None


class RecordCollector(Collector):
    """What the record knows, read when Prometheus asks."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def register(self) -> None:
        REGISTRY.register(self)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing beforehand: registering must not need a database."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        batches = GaugeMetricFamily(
            "captions_batches", "Unfinished batches.", labels=["stage", "state"]
        )
        oldest = GaugeMetricFamily(
            "captions_oldest_queued_batch_seconds",
            "How long the oldest queued batch has waited.",
            labels=["stage"],
        )
        ignored = GaugeMetricFamily(
            "captions_oldest_dispatched_batch_seconds",
            "How long the oldest batch that was handed out has waited for a worker to begin it.",
            labels=["stage"],
        )
        for stage, figures in queries.stage_figures(self._db).items():
            batches.add_metric([stage, "queued"], figures.queued)
            batches.add_metric([stage, "dispatched"], figures.dispatched)
            batches.add_metric([stage, "running"], figures.running)
            oldest.add_metric([stage], figures.oldest_queued)
            ignored.add_metric([stage], figures.oldest_dispatched)
        yield from (batches, oldest, ignored)
        yield GaugeMetricFamily(
            "captions_images_unfinished",
            "Images that have not ended.",
            value=queries.unfinished_images(self._db),
        )
        alive = GaugeMetricFamily("captions_processes", "Processes alive.", labels=["kind"])
        kinds = [process.kind for process in processes.alive(self._db)]
        for kind in sorted(set(kinds)):
            alive.add_metric([kind], kinds.count(kind))
        yield alive
