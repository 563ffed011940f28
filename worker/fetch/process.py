"""The fetch process: takes hints, fetches batches, keeps their leases."""

from jobs.settings import Settings
from jobs.states import Stage
from worker.fetch.stage import FetchStage
from worker.process import manned, serve
from worker.stopping import Stop
from worker.tasks import add_fetch_task


def run(settings: Settings, name: str, stop: Stop) -> int:
    """Fetch until a stop is wanted. The exit code."""
    with (
        manned(settings, name, Stage.FETCH, stop) as post,
        FetchStage(settings, post.db, post.store) as stage,
    ):
        add_fetch_task(post, stage)
        return serve(post, pool="threads", concurrency=settings.fetch_window)
