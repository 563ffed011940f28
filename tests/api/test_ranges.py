"""Which part of a file is asked for."""

import pytest
from starlette.datastructures import Headers

from api.files import takes_gzip
from api.ranges import Span, asked_for


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-9", Span(0, 10)),
        ("bytes=90-", Span(90, 10)),
        ("bytes=90-500", Span(90, 10)),
        ("bytes=-5", Span(95, 5)),
        ("bytes=-500", Span(0, 100)),
        ("bytes=99-99", Span(99, 1)),
        ("bytes=100-", Span(100, 0)),
        ("bytes=-0", Span(100, 0)),
        ("bytes=9-5", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("", None),
    ],
)
def test_one_range_is_found_and_anything_else_is_the_whole_file(header, span):
    assert asked_for(Headers({"range": header}), 100, '"v1"') == span


def test_a_range_of_another_version_is_the_whole_file():
    assert asked_for(Headers({"range": "bytes=0-1", "if-range": '"v0"'}), 100, '"v1"') is None
    assert asked_for(Headers({"range": "bytes=0-1", "if-range": '"v1"'}), 100, '"v1"')


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_is_sent_to_whom_it_is_welcome(header, taken):
    assert takes_gzip(Headers({"accept-encoding": header})) is taken
