"""Every error as a problem document (RFC 9457), and nothing that ought to stay inside."""

from collections.abc import Callable
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api import errors
from api.errors import Fault, Problem
from api.wording import fault_of
from jobs import errors as jobs_errors

MEDIA_TYPE = "application/problem+json"
SHOWN_FAULTS = 100
SHOWN_CHARACTERS = 500
"""Of whatever a client sent and a problem repeats: enough to find it again."""
RETRY_AFTER = {"Retry-After": "5"}
RETRY_MUCH_LATER = {"Retry-After": "60"}

_ALL: list[type[Problem]] = [Problem]
_ALL += Problem.__subclasses__()
KINDS = {kind.name: kind for kind in _ALL}
BY_STATUS = {kind.status: kind for kind in KINDS.values()}


def respond(problem: Problem, request_id: str) -> Response:
    """The problem as an answer; of many faults the first hundred are listed."""
    document: dict[str, object] = {
        "type": f"/problems/{problem.name}",
        "title": problem.title(),
        "status": problem.status,
        "detail": _short(problem.detail or f"{problem.title()}."),
        "request_id": request_id,
    }
    if problem.faults:
        document["errors"] = [_fault(fault) for fault in problem.faults[:SHOWN_FAULTS]]
    return Response(
        orjson.dumps(document), problem.status, headers=problem.headers, media_type=MEDIA_TYPE
    )


def from_error(error: Exception) -> Problem:
    """Which problem an exception is to the caller; unknown ones say nothing of themselves."""
    if isinstance(error, Problem):
        return error
    for kind, make in FOREIGN.items():
        if isinstance(error, kind):
            return make(error)
    return Problem("The request was not carried out. The log names it by its request_id.")


def install(app: FastAPI) -> None:
    """Let every way in which a request can fail end in the one form."""
    kinds: list[type[Exception]] = [Problem, *FOREIGN]
    for kind in kinds:
        app.add_exception_handler(kind, _handle)


async def _handle(request: Request, error: Exception) -> Response:
    return respond(from_error(error), request.state.request_id)


def _fault(fault: Fault) -> dict[str, object]:
    known = {"field": _short(fault.field), "message": _short(fault.message)}
    optional = {"position": fault.position, "line": fault.line}
    return known | {name: value for name, value in optional.items() if value is not None}


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _of_validation(error: RequestValidationError) -> Problem:
    faults = [fault_of(each) for each in error.errors()]
    return errors.Invalid(f"{faults[0].field}: {faults[0].message}", faults=faults)


def _of_http(error: HTTPException) -> Problem:
    kind = BY_STATUS.get(error.status_code, Problem)
    return kind(headers=error.headers)


def _of_invalid(error: jobs_errors.Invalid) -> Problem:
    return errors.Invalid(str(error), faults=[Fault(error.field, error.message, error.position)])


def _of_key(error: Exception) -> Problem:
    return errors.KeyRequired(str(error), headers={"WWW-Authenticate": "Bearer"})


FOREIGN: dict[type[Exception], Callable[[Any], Problem]] = {
    RequestValidationError: _of_validation,
    HTTPException: _of_http,
    jobs_errors.Invalid: _of_invalid,
    jobs_errors.KeyRefused: _of_key,
    jobs_errors.Missing: lambda error: errors.NotFound(str(error)),
    jobs_errors.ObjectMissing: lambda _: errors.NotFound("The file is not there any more."),
    jobs_errors.RequestReused: lambda error: errors.Invalid(str(error)),
    jobs_errors.RequestInProgress: lambda error: errors.Conflict(str(error), headers=RETRY_AFTER),
    jobs_errors.TooManyWaiting: lambda error: errors.TooManyRequests(
        str(error), headers=RETRY_MUCH_LATER
    ),
    jobs_errors.Conflict: lambda error: errors.Conflict(str(error)),
    jobs_errors.StoreFull: lambda _: errors.OutOfSpace("The object store has no room left."),
    jobs_errors.StoreUnavailable: lambda _: errors.Unavailable(
        "The object store does not answer; try again in a moment.", headers=RETRY_AFTER
    ),
    jobs_errors.DatabaseFull: lambda _: errors.OutOfSpace("The database has no room left."),
    jobs_errors.DatabaseUnavailable: lambda _: errors.Unavailable(
        "The database does not answer; try again in a moment.", headers=RETRY_AFTER
    ),
}
"""First match counts: the narrower stand before the wider."""
