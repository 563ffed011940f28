"""What became of a job's images: pages, whole files, thumbnails."""

from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from api import examples, files, links, render
from api.access import Owner
from api.context import InContext
from api.errors import Conflict, NotFound
from api.ingest.rejected import rejected_key
from api.openapi import only_problems_of, problems_of
from api.schemas import ImagePage, LinkAnswer
from jobs import queries
from jobs.records import ImageState

MAX_POSITION = 2**31 - 1

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["results"])
public = APIRouter(tags=["results"])

FILE_ANSWERS: dict[int | str, dict[str, Any]] = {
    206: {"description": "The range that was asked for; only of ended jobs."},
    **problems_of(404, 416),
}


class LinkQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    seconds: int = Field(3600, ge=1, le=7 * 24 * 3600, description="For how long it can be used.")


class SignedQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    expires: int = Field(description="Until when, in epoch seconds.")
    signature: str = Field(max_length=64, description="Made by the server.")


class ImagesQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    state: ImageState | None = Field(None, description="Only images in this state.")
    limit: int = Field(100, ge=1, le=1_000, description="Images on a page.")
    cursor: int | None = Field(
        None, ge=0, le=MAX_POSITION, description="From `next` of the page before."
    )


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
    await context.record(job_id, owner)
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
    response_class=Response,
    summary="Read all captions as JSON Lines",
    description="A line per image, in order; images that have not ended are in it as `queued`.",
    responses={
        200: {"content": {"application/x-ndjson": {"example": examples.JSONL}}},
        **FILE_ANSWERS,
    },
)
async def captions_jsonl(
    request: Request, job_id: str, context: InContext, owner: Owner
) -> Response:
    job = await context.record(job_id, owner)
    return await files.respond(context, job, "jsonl", request.headers)


@router.get(
    "/captions.csv",
    response_class=Response,
    summary="Read all captions as CSV",
    description=(
        "RFC 4180 with a header; cells that a spreadsheet would compute begin with an apostrophe."
    ),
    responses={200: {"content": {"text/csv": {"example": examples.CSV}}}, **FILE_ANSWERS},
)
async def captions_csv(request: Request, job_id: str, context: InContext, owner: Owner) -> Response:
    job = await context.record(job_id, owner)
    return await files.respond(context, job, "csv", request.headers)


@router.get(
    "/captions.{form}/link",
    summary="Make a link to all captions",
    description=(
        "An address from which anybody who has it can download the file of an ended job for a "
        "while, without a key."
    ),
    responses={
        200: {"model": LinkAnswer, "content": {"application/json": {"example": examples.LINK}}},
        **problems_of(404, 409, 422),
    },
)
async def link(
    request: Request,
    job_id: str,
    form: files.Form,
    context: InContext,
    owner: Owner,
    query: Annotated[LinkQuery, Query()],
) -> Response:
    job = await context.record(job_id, owner)
    if job.results_at is None:
        raise Conflict("The job's result files are not written yet; wait until it has ended.")
    url = await context.bulk.run(
        links.make, context, job, form, query.seconds, str(request.base_url)
    )
    expires_at = render.rfc3339(render.now() + query.seconds)
    return render.json_response({"url": url, "expires_at": expires_at})


@public.get(
    "/v1/links/{job_id}/captions.{form}",
    response_class=Response,
    summary="Follow a link to all captions",
    description="The signature in the address stands for a key.",
    responses={
        200: {
            "content": {
                "text/csv": {"example": examples.CSV},
                "application/x-ndjson": {"example": examples.JSONL},
            }
        },
        206: {"description": "The range that was asked for."},
        **only_problems_of(403, 404, 416, 422, 500, 503),
    },
)
async def follow(
    request: Request,
    job_id: str,
    form: files.Form,
    context: InContext,
    query: Annotated[SignedQuery, Query()],
) -> Response:
    links.check(context, job_id, form, query.expires, query.signature)
    job = await context.record(job_id, None)
    return await files.respond(context, job, form, request.headers)


@router.get(
    "/rejected.csv",
    response_class=Response,
    summary="Read which lines became no image",
    description="Of a stream that was submitted with `on_invalid=skip`: line, field, message.",
    responses={
        200: {"content": {"text/csv": {"example": examples.REJECTED}}},
        **problems_of(404),
    },
)
async def rejected_csv(job_id: str, context: InContext, owner: Owner) -> Response:
    job = await context.record(job_id, owner)
    if not job.rejected:
        raise NotFound("Every line of this job became an image.")
    chunks = context.store.stream(rejected_key(job_id))
    first = await context.bulk.run(next, chunks, b"")
    return StreamingResponse(
        files.pump(context, chain([first], chunks)), media_type=files.MEDIA_TYPES["csv"]
    )


@router.get(
    "/images/{position}/thumbnail",
    response_class=Response,
    summary="Read a small form of an image's picture",
    description="A JPEG with a short side of at most 256, while the prepared batch is kept.",
    responses={200: {"content": {"image/jpeg": {}}}, **problems_of(404, 422)},
)
async def thumbnail(
    job_id: str,
    position: Annotated[int, Path(ge=0, le=MAX_POSITION)],
    context: InContext,
    owner: Owner,
) -> Response:
    await context.record(job_id, owner)
    picture = await context.bulk.run(context.thumbnails.read, job_id, position)
    if picture is None:
        raise NotFound("There is no thumbnail of this image, or not any more.")
    return Response(
        picture, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"}
    )
