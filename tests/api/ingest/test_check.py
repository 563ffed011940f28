"""Rows become images; what is wrong is told line by line."""

import pytest

from api.ingest import check
from api.ingest.rows import BadLine, Row
from api.ingest.seen import Seen
from api.urls import UrlRule
from jobs.values import NewImage

URL = "http://example.org/a.jpg"


def checked(*rows):
    reported = []
    return list(check.images(rows, UrlRule(), reported.append)), reported


def test_good_rows_become_images_in_order():
    images, reported = checked(Row(1, URL), Row(2, URL, "k", {"a": 1}))
    assert images == [NewImage(URL), NewImage(URL, "k", {"a": 1})]
    assert reported == []


@pytest.mark.parametrize(
    ("row", "field", "message"),
    [
        (Row(7, None), "url", "is needed"),
        (Row(7, 3), "url", "must be text"),
        (Row(7, ""), "url", "must not be empty"),
        (Row(7, "ftp://x/"), "url", "must begin with http:// or https://"),
        (Row(7, URL, 3), "key", "must be text"),
        (Row(7, URL, ""), "key", "must not be empty"),
        (Row(7, URL, "k" * 513), "key", "has more than 512 characters"),
        (Row(7, URL, "a\tb"), "key", "holds a control character"),
        (Row(7, URL, None, "x"), "metadata", "must be an object"),
        (Row(7, URL, None, {"a": "\0"}), "metadata", "holds a NUL character"),
        (Row(7, URL, unknown="uri"), "uri", "is not a known field"),
        (BadLine(7, "line", "is not JSON"), "line", "is not JSON"),
    ],
)
def test_a_bad_row_is_reported_with_its_line_and_its_neighbours_are_taken(row, field, message):
    images, reported = checked(Row(6, URL), row, Row(8, URL))
    assert len(images) == 2
    assert reported == [BadLine(7, field, message)]


def test_a_key_that_occurs_again_is_reported():
    images, reported = checked(Row(1, URL, "a"), Row(2, URL, "b"), Row(3, URL, "a"))
    assert [image.key for image in images] == ["a", "b"]
    assert reported == [BadLine(3, "key", "occurs on an earlier line too")]


def test_keys_are_remembered_through_every_growth():
    seen = Seen()
    assert all(seen.add(f"key {number}") for number in range(200_000))
    assert not any(seen.add(f"key {number}") for number in range(0, 200_000, 997))
