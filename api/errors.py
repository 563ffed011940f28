"""What the API answers instead of what was asked for.

    Problem (500 internal-error)
    ├── MalformedBody (400)
    ├── KeyRequired (401)
    ├── NotAllowedHere (403)
    ├── NotFound (404)
    ├── MethodNotAllowed (405)
    ├── TooSlow (408)
    ├── Conflict (409)
    ├── TooLarge (413)
    ├── UnsupportedMediaType (415)
    ├── RangeNotSatisfiable (416)
    ├── Invalid (422)
    ├── TooManyRequests (429)
    ├── Unavailable (503)
    └── OutOfSpace (507)
    StartRefused: the process cannot start; its message says why and what to do

The docstring of a class is its title; `detail` says what happened this time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request.

    field: where, such as `images[3].url` or `query.wait`; position: of the image, from 0;
    line: of a streamed body, from 1.
    """

    field: str
    message: str
    position: int | None = None
    line: int | None = None


class Problem(Exception):
    """Something went wrong on our side"""

    status = 500
    name = "internal-error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title())
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or cls.name).strip()


class MalformedBody(Problem):
    """The body cannot be read"""

    status, name = 400, "malformed-body"


class KeyRequired(Problem):
    """An API key is needed"""

    status, name = 401, "key-required"


class NotAllowedHere(Problem):
    """This server does not answer such a caller"""

    status, name = 403, "not-allowed-here"


class NotFound(Problem):
    """There is no such thing"""

    status, name = 404, "not-found"


class MethodNotAllowed(Problem):
    """This address does not take that method"""

    status, name = 405, "method-not-allowed"


class TooSlow(Problem):
    """The body came too slowly"""

    status, name = 408, "too-slow"


class Conflict(Problem):
    """Not in this state"""

    status, name = 409, "conflict"


class TooLarge(Problem):
    """The body is too large"""

    status, name = 413, "too-large"


class UnsupportedMediaType(Problem):
    """The body is of a type that is not taken here"""

    status, name = 415, "unsupported-media-type"


class RangeNotSatisfiable(Problem):
    """The range lies outside the file"""

    status, name = 416, "range-not-satisfiable"


class Invalid(Problem):
    """The request is not valid"""

    status, name = 422, "invalid-request"


class TooManyRequests(Problem):
    """More than this key may ask for"""

    status, name = 429, "too-many-requests"


class Unavailable(Problem):
    """A part of the service cannot be reached"""

    status, name = 503, "unavailable"


class OutOfSpace(Problem):
    """There is no room left"""

    status, name = 507, "out-of-space"


class StartRefused(Exception):
    """The API cannot start."""
