"""Closes ended jobs: writes their result files into the store."""

from pathlib import Path
from tempfile import TemporaryDirectory

from jobs import lifecycle, queries, traces
from jobs.logs import Log
from jobs.records import Job
from jobs.results import csv_rows, jsonl_row
from jobs.store import results_key
from worker.dispatch.context import Context

JOBS_AT_ONCE = 10

log = Log("dispatch")


def close(at: Context) -> int:
    """How many jobs were closed. One that changes meanwhile is closed anew later."""
    jobs = lifecycle.closable(at.db, JOBS_AT_ONCE)
    return sum(_close_if_possible(at, job) for job in jobs)


def _close_if_possible(at: Context, job: Job) -> bool:
    """A job whose files cannot be written, for want of room say, must not keep the others open."""
    try:
        with traces.span("close", _trace_of(at, job), job=job.id, images=job.total):
            return close_job(at, job)
    except OSError as error:
        log.error("job_not_closed", job=job.id, error=error)
        return False


def _trace_of(at: Context, job: Job) -> str | None:
    return queries.trace_of(at.db, job.id) if traces.wanted() else None


def close_job(at: Context, job: Job) -> bool:
    """False when the job was taken up again while its results were written."""
    with TemporaryDirectory(prefix="captions-") as folder:
        write_jsonl(at, job, Path(folder, "captions.jsonl"))
        write_csv(at, job, Path(folder, "captions.csv"))
        for path in Path(folder).iterdir():
            at.store.put_file(results_key(job.id, path.suffix.lstrip(".")), path)
    closed = lifecycle.closed(at.db, job.id, job.version)
    if closed:
        log.info("job_closed", job=job.id, state=job.state.value, images=job.total)
    return closed


def write_jsonl(at: Context, job: Job, path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(jsonl_row(image) for image in queries.stream_images(at.db, job.id))


def write_csv(at: Context, job: Job, path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(csv_rows(queries.stream_images(at.db, job.id)))
