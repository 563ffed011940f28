"""What became of a job's images: pages, whole files, thumbnails."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from api import examples, render
from api.access import Owner
from api.context import Context, InContext, Pool
from api.errors import NotFound
from api.openapi import problems_of
from api.schemas import CaptionRow, ImagePage
from jobs import queries, results
from jobs.records import Image, ImageState

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])

ROWS_PER_CHUNK = 1_000


class ImagesQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: ImageState | None = Field(None, description="Only images in this state.")
    limit: int = Field(100, ge=1, le=1_000, description="Images on a page.")
    cursor: int | None = Field(None, ge=0, description="From `next` of the page before.")


@router.get(
    "/images",
    summary="List a job's images",
    description="In the order in which they were submitted, with everything that is known of each.",
    responses={
        200: {"model": ImagePage, "content": {"application/json": {"example": examples.IMAGES}}},
        **problems_of(404, 422),
    },
)
async def images(
    job_id: str, context: InContext, owner: Owner, query: Annotated[ImagesQuery, Query()]
) -> Response:
    await context.job(job_id, owner)
    page = await context.quick.run(
        queries.images, context.db, job_id, query.cursor, query.limit, query.state
    )
    after = page[-1].position if page else None
    path = f"/v1/jobs/{job_id}/images"
    following = render.next_address(path, page, query.limit, state=query.state, cursor=after)
    documents = [render.image_document(image) for image in page]
    return render.json_response({"images": documents, "next": following})


@router.get(
    "/captions.jsonl",
    summary="Read all captions as JSON Lines",
    description="A line per image, in order; images that have not ended are in it as `queued`.",
    responses={
        200: {
            "model": CaptionRow,
            "content": {"application/x-ndjson": {"example": examples.JSONL}},
        },
        **problems_of(404),
    },
)
async def captions_jsonl(job_id: str, context: InContext, owner: Owner) -> Response:
    return await _file(context, job_id, owner, "jsonl", _jsonl)


@router.get(
    "/captions.csv",
    summary="Read all captions as CSV",
    description=(
        "RFC 4180 with a header; cells that a spreadsheet would compute begin with an apostrophe."
    ),
    responses={200: {"content": {"text/csv": {"example": examples.CSV}}}, **problems_of(404)},
)
async def captions_csv(job_id: str, context: InContext, owner: Owner) -> Response:
    return await _file(context, job_id, owner, "csv", results.csv_rows)


@router.get(
    "/images/{position}/thumbnail",
    summary="Read a small form of an image's picture",
    description="A JPEG with a short side of at most 256, while the prepared batch is kept.",
    responses={200: {"content": {"image/jpeg": {}}}, **problems_of(404, 422)},
)
async def thumbnail(
    job_id: str, position: Annotated[int, Path(ge=0)], context: InContext, owner: Owner
) -> Response:
    await context.job(job_id, owner)
    picture = await context.bulk.run(context.thumbnails.read, job_id, position)
    if picture is None:
        raise NotFound("There is no thumbnail of this image, or not any more.")
    return Response(
        picture, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"}
    )


MEDIA_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
Writer = Callable[[Iterable[Image]], Iterator[bytes]]


async def _file(
    context: Context, job_id: str, owner: str | None, form: Literal["jsonl", "csv"], write: Writer
) -> Response:
    await context.job(job_id, owner)
    rows = write(queries.stream_images(context.db, job_id))
    return StreamingResponse(
        _pump(context.bulk, rows),
        media_type=MEDIA_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{job_id}.{form}"'},
    )


def _jsonl(images: Iterable[Image]) -> Iterator[bytes]:
    return map(results.jsonl_row, images)


async def _pump(pool: Pool, rows: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Rows in chunks; between two chunks no thread is held, however slowly the client reads."""
    while chunk := await pool.run(_join_rows, rows):
        yield chunk


def _join_rows(rows: Iterator[bytes]) -> bytes:
    return b"".join(islice(rows, ROWS_PER_CHUNK))
