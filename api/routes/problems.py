"""What each type of problem means: the addresses that problem documents name."""

from fastapi import APIRouter
from starlette.responses import Response

from api import problems, render
from api.errors import NotFound

router = APIRouter(include_in_schema=False)


@router.get("/problems/{name}")
async def explain(name: str) -> Response:
    kind = problems.KINDS.get(name)
    if kind is None:
        raise NotFound("There is no such type of problem.")
    return render.json_response({"status": kind.status, "title": kind.title()})
