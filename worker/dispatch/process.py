"""The dispatcher: from SQL to Redis, and back from whatever went wrong in between."""

from functools import partial

from jobs import metrics, processes
from jobs.database import Database
from jobs.queue import make_app
from jobs.settings import Settings
from jobs.store import open_store
from worker.dispatch.close import close
from worker.dispatch.context import Context
from worker.dispatch.hints import dispatch, resend
from worker.dispatch.leader import leadership
from worker.dispatch.loop import Lane, Step, run_lanes
from worker.dispatch.recover import expire, recover
from worker.dispatch.sweep import sweep
from worker.dispatch.webhooks import deliver
from worker.stopping import Stop, listen

STEPS = (
    Step("recover", 1.0, recover),
    Step("expire", 1.0, expire),
    Step("dispatch", 0.0, dispatch),
    Step("resend", 1.0, resend),
)
CLOSING = (Step("close", 0.5, close),)
SWEEPING = (Step("sweep", 30.0, sweep),)
TELLING = (Step("deliver", 1.0, deliver),)
BESIDE = (CLOSING, SWEEPING, TELLING)


def run(settings: Settings, name: str, stop: Stop) -> int:
    """Dispatch until a stop is wanted. The exit code."""
    listen(stop)
    metrics.serve(settings.metrics_port_dispatch, settings.metrics_host)
    db = Database(settings.database_url)
    store = open_store(settings.store_url, settings)
    context = Context(settings, db, store, make_app(settings))
    lock = leadership(db)
    seen = Step("seen", settings.lease_seconds / 3, partial(report, name))
    main = Lane(context, (seen, *STEPS), lock.held)
    beside = [Lane(context, steps, lambda: main.leading) for steps in BESIDE]
    try:
        run_lanes([main, *beside], stop)
    finally:
        lock.close()
    return 0


def report(name: str, at: Context) -> int:
    """Tell that this process is alive."""
    processes.seen(at.db, name, "dispatch")
    return 0
