"""Statuses and pauses as tables."""

from datetime import UTC, datetime

import pytest

from worker.errors import ImageRefused
from worker.fetch.answers import check, pause, redirects

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (204, "empty"),
        (206, "http_4xx"),
        (304, "http_4xx"),
        (400, "http_4xx"),
        (401, "http_401"),
        (403, "http_403"),
        (404, "http_404"),
        (408, "timeout"),
        (410, "http_410"),
        (418, "http_4xx"),
        (429, "http_429"),
        (500, "http_5xx"),
        (503, "http_5xx"),
    ],
)
def test_every_status_has_its_code(status: int, code: str) -> None:
    with pytest.raises(ImageRefused) as refused:
        check(status, {})
    assert refused.value.code == code


def test_a_compressed_answer_is_not_unpacked() -> None:
    check(200, {"Content-Encoding": "Identity"})
    with pytest.raises(ImageRefused) as refused:
        check(200, {"Content-Encoding": "gzip"})
    assert refused.value.code == "unsupported_format"


@pytest.mark.parametrize(
    ("status", "text", "seconds"),
    [
        (429, "7", 7.0),
        (503, "120", 120.0),
        (429, "0", 1.0),
        (429, "86400", 300.0),
        (429, "9" * 400, 300.0),
        (503, "Wed, 01 Jul 2026 12:00:30 GMT", 30.0),
        (503, "Wed, 01 Jul 2026 11:00:00 GMT", 1.0),
        (429, "soon", None),
        (429, "-5", None),
        (429, "", None),
        (404, "7", None),
    ],
)
def test_a_pause_is_kept_within_bounds(status: int, text: str, seconds: float | None) -> None:
    assert pause(status, {"Retry-After": text}, NOON) == seconds


def test_a_redirect_names_where_to() -> None:
    assert redirects(302, {"Location": "/b"})
    assert not redirects(302, {})
    assert not redirects(300, {"Location": "/b"})
