"""What FastAPI cannot know by itself: problem documents and bodies that are read by hand."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api import examples
from api.problems import BY_STATUS, MEDIA_TYPE
from api.schemas import ProblemAnswer, Submission

REFERENCE = "#/components/schemas/{model}"
EVERYWHERE = (401, 403, 429, 500, 503)
"""Answers that any route under /v1 may give."""

DESCRIPTION = """\
Give every picture of a library a sentence. Submit a job, watch it, read its captions.

Errors are problem documents (RFC 9457), each with a `request_id` that the server's log
carries too. Lists come in pages: follow `next` until it is null.
"""


def problems_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The responses of a route that may answer with these problems, and those of all routes."""
    return only_problems_of(*statuses, *EVERYWHERE)


def only_problems_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same for a route outside /v1, which asks for no key."""
    return {status: _response(status) for status in sorted({*statuses})}


def request_body(model: type[BaseModel], example: Any) -> dict[str, Any]:
    """A JSON body that the route reads itself."""
    content = {"schema": {"$ref": REFERENCE.format(model=model.__name__)}, "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def install(app: FastAPI) -> None:
    """Have `/openapi.json` hold everything."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _complete(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes
    )
    _, schemas = models_json_schema(
        [(Submission, "validation"), (ProblemAnswer, "serialization")],
        ref_template=REFERENCE,
    )
    document["components"]["schemas"] |= schemas["$defs"]
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{}, {"key": []}]
    _drop_foreign_errors(document)
    return document


def _drop_foreign_errors(document: dict[str, Any]) -> None:
    """Take out FastAPI's own form of errors, which no route of ours answers with."""
    for schema in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(schema, None)
    for methods in document["paths"].values():
        for operation in methods.values():
            answer = operation["responses"].get("422", {})
            if "application/json" in answer.get("content", {}):
                operation["responses"].pop("422")


def _response(status: int) -> dict[str, Any]:
    kind = BY_STATUS[status]
    example = examples.problem(status, kind.name, kind.title())
    schema = {"$ref": REFERENCE.format(model=ProblemAnswer.__name__)}
    content = {MEDIA_TYPE: {"schema": schema, "example": example}}
    return {"description": f"{kind.title()}.", "content": content}
