"""Is the process alive, and can it do its work?"""

from dataclasses import asdict

from fastapi import APIRouter, Request
from starlette.responses import Response

from api import examples, readiness, render
from api.openapi import only_problems_of
from api.schemas import Alive, Readiness
from api.shared import Shared

router = APIRouter(tags=["health"])


@router.get(
    "/healthz",
    summary="Is the process alive?",
    description="Looks at nothing but itself.",
    responses={
        200: {"model": Alive, "content": {"application/json": {"example": {"status": "ok"}}}},
        **only_problems_of(403, 500),
    },
)
async def healthz() -> Response:
    return render.json_response({"status": "ok"})


@router.get(
    "/readyz",
    summary="Can the service do its work?",
    description=(
        "Names every part, its state and what to do. 503 only when the API itself cannot answer: "
        "while Redis or workers are missing, jobs are taken and kept, and the status is `degraded`."
    ),
    responses={
        200: {
            "model": Readiness,
            "content": {"application/json": {"example": examples.READINESS}},
        },
        503: {
            "model": Readiness,
            "description": "Database or store cannot be reached.",
            "content": {"application/json": {"example": examples.UNREADINESS}},
        },
        **only_problems_of(403, 500),
    },
)
async def readyz(request: Request) -> Response:
    shared: Shared[list[readiness.Part]] = request.app.state.readiness
    parts = await shared.get()
    status = readiness.status(parts)
    document = {"status": status, "parts": [asdict(part) for part in parts]}
    return render.json_response(document, 503 if status == "unavailable" else 200)
