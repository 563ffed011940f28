"""What FastAPI cannot know by itself: problem documents and bodies that are read by hand."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api import examples
from api.problems import BY_STATUS, MEDIA_TYPE
from api.schemas import ProblemAnswer, StreamFields, Submission, SubmittedOptions

REFERENCE = "#/components/schemas/{model}"
EVERYWHERE = (401, 403, 429, 500, 503)
"""Answers that any route under /v1 may give."""

SUBMIT_HEADERS = {
    "Idempotency-Key": "Of your choice, for one job: sent again, it makes no second one.",
    "Content-Encoding": "gzip, of NDJSON and CSV.",
    "Captions-Fetch-Headers": "NDJSON and CSV only: what `headers` is in a JSON document.",
}

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


def submit_body() -> dict[str, Any]:
    """The bodies and parameters of a submission, which its route reads itself."""
    document = {"schema": {"$ref": REFERENCE.format(model=Submission.__name__)}}
    streams = {"schema": {"type": "string", "format": "binary"}}
    content = {
        "application/json": document | {"example": examples.SUBMISSION},
        "application/x-ndjson": streams | {"example": examples.NDJSON},
        "text/csv": streams | {"example": examples.CSV_SUBMISSION},
    }
    return {
        "requestBody": {"required": True, "content": content},
        "parameters": [*_stream_parameters(), *_headers(SUBMIT_HEADERS)],
    }


def _stream_parameters() -> list[dict[str, Any]]:
    """Query parameters of NDJSON and CSV bodies: what a JSON document has as fields."""
    options = SubmittedOptions.model_json_schema()["properties"]
    fields = StreamFields.model_json_schema()["properties"]
    for field in ("options", "headers", "metadata"):
        fields.pop(field)
    fields["metadata"] = {"type": "string", "description": "Anything of yours, as JSON."}
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": f"NDJSON and CSV only. {schema.pop('description', '')}".strip(),
            "schema": schema,
        }
        for name, schema in (options | fields).items()
    ]


def _headers(described: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": description,
            "schema": {"type": "string"},
        }
        for name, description in described.items()
    ]


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
