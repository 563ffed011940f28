"""Pictures that are sent here instead of being fetched."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import examples, render
from api.access import Owner
from api.context import Context, InContext
from api.errors import UnsupportedMediaType
from api.openapi import problems_of
from api.pictures import media_type_of
from api.schemas import UploadAnswer
from api.spool import Spooled, spooled
from jobs import uploads
from jobs.ids import new_id
from jobs.store import upload_key
from jobs.uploads import Upload

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])


class UploadQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str | None = Field(
        None,
        max_length=255,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="The picture's name, for you.",
    )


@router.post(
    "",
    status_code=201,
    summary="Send a picture",
    description=(
        "The body is the picture file itself. A job names it as `upload:<id>`; one that no job "
        "names is removed after a day."
    ),
    responses={
        201: {"model": UploadAnswer, "content": {"application/json": {"example": examples.UPLOAD}}},
        **problems_of(408, 413, 415, 422),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def upload(
    request: Request, context: InContext, owner: Owner, query: Annotated[UploadQuery, Query()]
) -> Response:
    async with spooled(request, context, context.settings.max_upload_bytes) as body:
        media_type = media_type_of(body.head)
        if media_type is None:
            raise UnsupportedMediaType(
                "The body is no picture: JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF and BMP are taken."
            )
        kept = await context.bulk.run(_keep, context, owner, query.name, media_type, body)
    document = {
        "id": kept.id,
        "url": f"{uploads.SCHEME}{kept.id}",
        "media_type": kept.media_type,
        "bytes": kept.bytes,
        "sha256": kept.sha256,
        "expires_at": render.rfc3339(kept.expires_at),
    }
    return render.json_response(document, 201)


def _keep(
    context: Context, owner: str | None, name: str | None, media_type: str, body: Spooled
) -> Upload:
    """Bytes first: an upload that the record names is there. Orphans are found by a check."""
    upload_id = new_id("upl")
    context.store.put_file(upload_key(upload_id), body.path)
    return uploads.create(
        context.db,
        upload_id,
        owner,
        name=name,
        media_type=media_type,
        size=body.size,
        sha256=body.sha256,
        expires_seconds=context.settings.upload_expires_seconds,
    )
