"""`POST /v1/jobs`, whatever the body is: once per Idempotency-Key, within the key's limits."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.requests import Request

from api import bodies, submissions, terms
from api.context import Context
from api.errors import Fault, Invalid, MalformedBody, UnsupportedMediaType
from api.ingest.load import READERS, Order, load, load_here
from api.schemas import StreamFields, SubmittedOptions
from api.spool import Spooled, spooled
from api.wording import fault_of
from jobs import idempotency, lifecycle, queries
from jobs.errors import TooManyWaiting
from jobs.idempotency import Known
from jobs.keys import Key
from jobs.values import Once

JSON = "application/json"
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
FETCH_HEADERS = "captions-fetch-headers"
SINGLE = ("content-type", "content-encoding", "idempotency-key", FETCH_HEADERS)
"""Of two that differ, one reader believes the first and another the last."""
SHORT_BYTES = 1024 * 1024
"""A shorter stream is loaded by a thread: starting a process would take longer."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The job that a request made, or had made before."""

    job_id: str
    replayed: bool = False


async def take(request: Request, context: Context, caller: Key | None) -> Taken:
    """Make the job that the request describes; Problem when it cannot be."""
    _check_once_each(request)
    kind = bodies.media_type(request)
    if kind == JSON:
        return await _take_json(request, context, caller)
    if kind in READERS:
        return await _take_stream(request, context, caller, kind)
    known = ", ".join((JSON, *READERS))
    raise UnsupportedMediaType(f"The body has to be of one of the types {known}.")


def _check_once_each(request: Request) -> None:
    """Refuse headers and parameters that occur twice."""
    for name in SINGLE:
        if len(request.headers.getlist(name)) > 1:
            raise submissions.invalid([Fault(name, "occurs twice")])
    names = [name for name, _ in request.query_params.multi_items()]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise submissions.invalid([Fault(f"query.{doubled}", "occurs twice")])


async def _take_json(request: Request, context: Context, caller: Key | None) -> Taken:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("JSON is taken as it is; gzip is taken of NDJSON and CSV.")
    if request.query_params:
        message = "belongs into the document: parameters are for NDJSON and CSV"
        raise submissions.invalid([Fault(f"query.{next(iter(request.query_params))}", message)])
    async with _once(request, context, caller) as first:
        body = await bodies.read(request, context.settings.max_body_bytes)
        once = first.entry(_fingerprint(request, hashlib.sha256(body).hexdigest()))
        if first.known:
            return Taken(first.known.check(once.request_sha256 if once else ""), replayed=True)
        return Taken(await context.bulk.run(_submit, context, body, caller, once))


async def _take_stream(request: Request, context: Context, caller: Key | None, kind: str) -> Taken:
    query = _stream_query(request)
    gzip = _is_gzip(request)
    async with (
        _once(request, context, caller) as first,
        spooled(request, context, context.settings.max_ingest_bytes) as body,
    ):
        once = first.entry(_fingerprint(request, body.sha256))
        if first.known:
            return Taken(first.known.check(once.request_sha256 if once else ""), replayed=True)
        order = Order(
            path=body.path,
            media_type=kind,
            gzip=gzip,
            on_invalid=query.on_invalid,
            options=terms.options_of(query),
            terms=terms.terms_of(query, context.settings, caller, once),
            allowance=await context.quick.run(_allowance, context, caller),
        )
        return Taken(await _load(context, order, body))


async def _load(context: Context, order: Order, body: Spooled) -> str:
    if body.size <= SHORT_BYTES:
        return await context.bulk.run(load, order, context.settings, context.db, context.store)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(context.loaders.pool, load_here, order)


def _submit(context: Context, body: bytes, caller: Key | None, once: Once | None) -> str:
    document = bodies.parse_json(body)
    settings = context.settings
    submission = submissions.validate(document, context.url_rule, settings.max_json_images)
    allowance = _allowance(context, caller)
    if allowance is not None and len(submission.images) > allowance:
        raise TooManyWaiting(allowance)
    job = lifecycle.submit(
        context.db,
        submissions.images_of(submission),
        terms.options_of(submission),
        batch_images=settings.batch_images,
        **terms.terms_of(submission, settings, caller, once),
    )
    return job.id


def _allowance(context: Context, caller: Key | None) -> int | None:
    """Images that the caller may still have waiting; None: any number."""
    if caller is None or caller.max_waiting_images is None:
        return None
    return max(0, caller.max_waiting_images - queries.waiting_images(context.db, caller.id))


@dataclass(frozen=True, slots=True)
class _First:
    """Whether a request is the first with its Idempotency-Key, and what the first one made."""

    key: str | None
    keep_seconds: float
    known: Known | None = None

    def entry(self, request_sha256: str) -> Once | None:
        return Once(self.key, request_sha256, self.keep_seconds) if self.key else None


@asynccontextmanager
async def _once(request: Request, context: Context, caller: Key | None) -> AsyncIterator[_First]:
    """Hold the request's Idempotency-Key; give it back when no job comes of it."""
    key = request.headers.get("idempotency-key")
    settings = context.settings
    if key is None:
        yield _First(None, settings.idempotency_seconds)
        return
    if not IDEMPOTENCY_KEY.fullmatch(key):
        message = "must be 1 to 255 visible ASCII characters"
        raise Invalid(f"Idempotency-Key {message}.", faults=[Fault("Idempotency-Key", message)])
    owner = caller.id if caller else ""
    known = await context.quick.run(
        idempotency.begin, context.db, owner, key, settings.receive_seconds
    )
    try:
        yield _First(key, settings.idempotency_seconds, known)
    except BaseException:
        if known is None:
            # Shielded: also a request whose client went away gives its key back.
            await asyncio.shield(context.quick.run(idempotency.abandon, context.db, owner, key))
        raise


def _fingerprint(request: Request, body_sha256: str) -> str:
    """What has to be equal for two requests to be the same one."""
    parts = (
        bodies.media_type(request),
        request.headers.get("content-encoding", ""),
        request.headers.get(FETCH_HEADERS, ""),
        request.url.query,
        body_sha256,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _is_gzip(request: Request) -> bool:
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise UnsupportedMediaType(f"Content-Encoding {encoding} is not taken; gzip is.")
    return encoding == "gzip"


def _stream_query(request: Request) -> StreamFields:
    """Query parameters and headers → the same fields that a JSON document has."""
    given: dict[str, Any] = dict(request.query_params)
    options = {
        name: _value(given.pop(name)) for name in SubmittedOptions.model_fields if name in given
    }
    if "metadata" in given:
        given["metadata"] = _json_of("query.metadata", given["metadata"])
    if FETCH_HEADERS in request.headers:
        given["headers"] = _json_of(FETCH_HEADERS, request.headers[FETCH_HEADERS])
    try:
        fields = StreamFields.model_validate(given | {"options": options})
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise submissions.invalid([fault_of(each) for each in found]) from None
    if faults := list(terms.faults_of(fields)):
        raise submissions.invalid(faults)
    return fields


def _value(word: str) -> Any:
    """`3` and `true` as JSON has them; any other word stays one, and will be refused."""
    try:
        return orjson.loads(word)
    except orjson.JSONDecodeError:
        return word


def _json_of(name: str, text: str) -> Any:
    try:
        return bodies.parse_json(text.encode())
    except MalformedBody as error:
        message = "is not JSON"
        raise Invalid(f"{name} {message}.", faults=[Fault(name, message)]) from error
