"""Result files: out of the store once they are written, out of the record before that."""

import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from api.context import Context
from api.errors import RangeNotSatisfiable
from api.ranges import Span, asked_for
from jobs import queries, results
from jobs.errors import ObjectMissing
from jobs.records import Image, Job
from jobs.store import Store, results_key

Form = Literal["jsonl", "csv"]
MEDIA_TYPES: dict[Form, str] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
}
ROWS_PER_CHUNK = 1_000
READ_AT_ONCE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """A result file in the store. etag: changes whenever the file is written anew."""

    key: str
    size: int
    etag: str


async def respond(context: Context, job: Job, form: Form, headers: Headers) -> Response:
    """The file, or the range of it that is asked for; gzipped where the client takes that."""
    kept = await context.bulk.run(_kept, context.store, job, form)
    base = {
        "Content-Disposition": f'attachment; filename="{job.id}.{form}"',
        "Vary": "Accept-Encoding",
    }
    if kept is None:
        rows = WRITERS[form](queries.stream_images(context.db, job.id))
        return _whole(context, _joined(rows), form, headers, base)
    base |= {"ETag": kept.etag, "Accept-Ranges": "bytes"}
    span = asked_for(headers, kept.size, kept.etag)
    if span is None:
        return _whole(context, context.store.stream(kept.key), form, headers, base)
    if span.length <= 0:
        raise RangeNotSatisfiable(
            f"The file has {kept.size:,} bytes.",
            headers={"Content-Range": f"bytes */{kept.size}"},
        )
    base["Content-Range"] = f"bytes {span.start}-{span.start + span.length - 1}/{kept.size}"
    base["Content-Length"] = str(span.length)
    pieces = _pieces(context.store, kept.key, span)
    return StreamingResponse(pump(context, pieces), 206, base, MEDIA_TYPES[form])


def _kept(store: Store, job: Job, form: Form) -> Kept | None:
    if job.results_at is None:
        return None
    key = results_key(job.id, form)
    try:
        return Kept(key, store.size(key), f'"{job.results_at:.6f}-{form}"')
    except ObjectMissing:
        return None


def _whole(
    context: Context, chunks: Iterator[bytes], form: Form, headers: Headers, base: dict[str, str]
) -> Response:
    if takes_gzip(headers):
        chunks = _gzipped(chunks)
        base = base | {"Content-Encoding": "gzip"}
        if "ETag" in base:
            base["ETag"] = f"W/{base['ETag']}"
    return StreamingResponse(pump(context, chunks), 200, base, MEDIA_TYPES[form])


def takes_gzip(headers: Headers) -> bool:
    """Whether `Accept-Encoding` names gzip and does not refuse it."""
    for part in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _jsonl(images: Iterable[Image]) -> Iterator[bytes]:
    return map(results.jsonl_row, images)


WRITERS: dict[Form, Callable[[Iterable[Image]], Iterator[bytes]]] = {
    "jsonl": _jsonl,
    "csv": results.csv_rows,
}


def _joined(rows: Iterator[bytes]) -> Iterator[bytes]:
    while chunk := b"".join(islice(rows, ROWS_PER_CHUNK)):
        yield chunk


def _pieces(store: Store, key: str, span: Span) -> Iterator[bytes]:
    end = span.start + span.length
    for start in range(span.start, end, READ_AT_ONCE):
        yield store.get_range(key, start, min(READ_AT_ONCE, end - start))


def _gzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


async def pump(context: Context, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Between two chunks no thread is held, however slowly the client reads."""
    while (chunk := await context.bulk.run(next, chunks, None)) is not None:
        yield chunk
