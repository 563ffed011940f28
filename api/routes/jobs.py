"""Jobs: submit, watch, steer, delete."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import examples, intake, render
from api.access import Caller, Owner
from api.context import Context, InContext
from api.errors import Fault, Invalid
from api.openapi import problems_of, submit_body
from api.schemas import JobAnswer, JobPage
from api.waiting import Written
from jobs import lifecycle, queries
from jobs.codes import CODES
from jobs.errors import JobMissing
from jobs.records import JobState

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

LONGEST_WAIT_SECONDS = 60
JOB_EXAMPLE = {"application/json": {"example": examples.JOB}}


class JobsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: JobState | None = Field(None, description="Only jobs in this state.")
    limit: int = Field(50, ge=1, le=500, description="Jobs on a page.")
    cursor: str | None = Field(
        None, pattern="^[a-z0-9_]{1,64}$", description="From `next` of the page before."
    )


class WaitQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    wait: float = Field(
        0,
        ge=0,
        le=LONGEST_WAIT_SECONDS,
        description="Answer when the job changes, or after so many seconds.",
    )


class RetryQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    codes: str | None = Field(
        None,
        max_length=1_000,
        description="Comma list: only images that failed with these codes.",
        examples=["timeout,http_429"],
    )


@router.post(
    "",
    status_code=202,
    summary="Submit a job",
    description=(
        "Takes up to 10,000 images as JSON, or any number as NDJSON (an image on each line) or "
        "CSV (columns url, key; others are metadata), also gzipped. Of these the options are "
        "query parameters. The job is kept once this answers 202. With `Idempotency-Key` the same "
        "request makes one job, however often it is sent."
    ),
    responses={
        202: {"model": JobAnswer, "content": JOB_EXAMPLE},
        **problems_of(400, 408, 409, 413, 415, 422),
    },
    openapi_extra=submit_body(),
)
async def submit(request: Request, context: InContext, caller: Caller) -> Response:
    taken = await intake.take(request, context, caller)
    written = await context.job(taken.job_id, caller.id if caller else None)
    replayed = {"Idempotency-Replayed": "true"} if taken.replayed else {}
    location = f"/v1/jobs/{taken.job_id}"
    return render.job_response(written, 202, Location=location, **replayed)


@router.get(
    "",
    summary="List jobs",
    description="Your jobs, the newest first.",
    responses={
        200: {"model": JobPage, "content": {"application/json": {"example": examples.JOBS}}},
        **problems_of(422),
    },
)
async def listing(
    context: InContext, owner: Owner, query: Annotated[JobsQuery, Query()]
) -> Response:
    jobs = await context.quick.run(
        queries.jobs, context.db, owner, query.cursor, query.limit, query.state
    )
    moment = render.now()
    after = jobs[-1].id if jobs else None
    following = render.next_address("/v1/jobs", jobs, query.limit, state=query.state, cursor=after)
    documents = [render.job_document(job, moment) for job in jobs]
    return render.json_response({"jobs": documents, "next": following})


@router.get(
    "/{job_id}",
    summary="Read a job",
    description=(
        "Counts, times, rate and estimated end. With `If-None-Match` an unchanged job is 304. "
        "With `wait` the answer comes when the job changes: from the version that `If-None-Match` "
        "names, else from now. A job that has ended is answered at once."
    ),
    responses={
        200: {"model": JobAnswer, "content": JOB_EXAMPLE},
        304: {"description": "Not changed since the version in If-None-Match."},
        **problems_of(404, 422),
    },
)
async def read(
    request: Request,
    job_id: str,
    context: InContext,
    owner: Owner,
    query: Annotated[WaitQuery, Query()],
) -> Response:
    written = await context.job(job_id, owner)
    known = request.headers.get("if-none-match")
    if query.wait and not written.ended and (known is None or _matches(known, written)):
        written = await _wait(request, context, job_id, written, query.wait)
    if known is not None and _matches(known, written):
        return Response(status_code=304, headers={"ETag": render.etag(written.version)})
    return render.job_response(written)


@router.post(
    "/{job_id}/cancel",
    summary="Cancel a job",
    description="Images that have not ended become `canceled`; captions that are there stay.",
    responses={200: {"model": JobAnswer, "content": JOB_EXAMPLE}, **problems_of(404, 409)},
)
async def cancel(job_id: str, context: InContext, owner: Owner) -> Response:
    await context.job(job_id, owner)
    await context.quick.run(lifecycle.cancel, context.db, job_id)
    return render.job_response(await context.job(job_id, owner))


@router.post(
    "/{job_id}/retry",
    summary="Try failed images again",
    description="All of them, or those that failed with one of `codes`.",
    responses={200: {"model": JobAnswer, "content": JOB_EXAMPLE}, **problems_of(404, 409, 422)},
)
async def retry(
    job_id: str, context: InContext, owner: Owner, query: Annotated[RetryQuery, Query()]
) -> Response:
    codes = _codes(query.codes)
    await context.job(job_id, owner)
    await context.bulk.run(
        lifecycle.retry_failed, context.db, job_id, codes, context.settings.batch_images
    )
    return render.job_response(await context.job(job_id, owner))


@router.delete(
    "/{job_id}",
    status_code=204,
    summary="Delete a job",
    description="The job has to have ended. Everything that is kept of it goes.",
    responses={204: {"description": "It is gone."}, **problems_of(404, 409)},
)
async def delete(job_id: str, context: InContext, owner: Owner) -> Response:
    await context.job(job_id, owner)
    await context.bulk.run(lifecycle.delete, context.db, job_id)
    return Response(status_code=204)


def _codes(listed: str | None) -> list[str] | None:
    if listed is None:
        return None
    codes = [code.strip() for code in listed.split(",") if code.strip()]
    unknown = [code for code in codes if code not in CODES]
    if unknown or not codes:
        message = f"names no known code: {', '.join(unknown) or 'nothing'}"
        raise Invalid(f"codes {message}.", faults=[Fault("query.codes", message)])
    return codes


def _matches(header: str, written: Written) -> bool:
    """If-None-Match compares weakly (RFC 9110, section 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or render.etag(written.version).removeprefix("W/") in tags


async def _wait(
    request: Request, context: Context, job_id: str, written: Written, seconds: float
) -> Written:
    """What the job has become, or `written` when nothing happened while the client was there."""
    waiting = asyncio.ensure_future(context.waiters.wait(job_id, written.version, seconds))
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
        news = await waiting if waiting.done() else written
    except TimeoutError:
        return written
    finally:
        waiting.cancel()
        gone.cancel()
    if news is None:
        raise JobMissing
    return news


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
