"""NDJSON and CSV lines become rows, or say why not."""

import pytest

from api.ingest import csv_rows, ndjson
from api.ingest.lines import LONGEST_LINE, split
from api.ingest.rows import BadLine, Row, Unreadable


def of_ndjson(data):
    return list(ndjson.read(split([data])))


def of_csv(data):
    return list(csv_rows.read(split([data])))


def test_a_json_object_on_each_line_is_a_row_and_empty_lines_are_none():
    data = b'{"url":"a"}\r\n\n{"url":"b","key":"k","metadata":{"x":1}}'
    assert of_ndjson(data) == [Row(1, "a"), Row(3, "b", "k", {"x": 1})]


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        (b'{"url":', "line", "is not JSON"),
        (b'{"url":"a\0"}', "line", "is not JSON"),
        (b'{"url":"\xff"}', "line", "is not JSON"),
        (b'{"url":"a"} {"url":"b"}', "line", "is not JSON"),
        (b'["a"]', "line", "must be an object"),
        (b'"a"', "line", "must be an object"),
        (b'{"url":"' + b"x" * LONGEST_LINE + b'"}', "line", "is longer than 65,536 bytes"),
    ],
)
def test_a_json_line_that_cannot_be_read_is_named_and_the_next_is_read(line, field, message):
    bad, good = of_ndjson(line + b'\n{"url":"next"}\n')
    assert (bad.line, bad.field) == (1, field)
    assert message in bad.message
    assert good == Row(2, "next")


def test_an_unknown_field_is_carried_by_name():
    assert of_ndjson(b'{"url":"a","uri":"b","zz":1}') == [Row(1, "a", unknown="uri")]


def test_csv_columns_become_url_key_and_metadata():
    data = "\ufeffkey,url,shelf\r\nk1,a,12\r\n,b,\r\n".encode()
    assert of_csv(data) == [Row(2, "a", "k1", {"shelf": "12"}), Row(3, "b", None, {"shelf": ""})]


def test_quotes_hold_commas_quotes_and_line_ends_and_lines_are_counted_on():
    data = b'url,note\n"a","say ""hi"",\nplease"\nb,x\n'
    assert of_csv(data) == [
        Row(2, "a", None, {"note": 'say "hi",\nplease'}),
        Row(4, "b", None, {"note": "x"}),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"key,name\na,b\n", "names no column url"),
        (b"url,key,url\n", "names the column 'url' twice"),
        (b"url,a, a\n", "names the column 'a' twice"),
        (b"url,,b\n", "gives column 2 no name"),
        (b'url,"b\n', "the header"),
        (b"url\0\n", "the header holds a NUL"),
        ("url\n".encode("utf-16"), "the header"),
    ],
)
def test_a_header_that_cannot_be_used_refuses_the_file(data, message):
    with pytest.raises(Unreadable, match=message):
        of_csv(data)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"a,b,c", "has 3 cells; the header has 2"),
        (b"a", "has 1 cells; the header has 2"),
        (b"a\0,b", "holds a NUL"),
        (b"a\xff,b", "is not UTF-8 (byte 2)"),
        (b'"a"x,b', "expected after"),
        (b"a," + b"x" * LONGEST_LINE, "is longer than 65,536 bytes"),
    ],
)
def test_a_csv_line_that_cannot_be_read_is_named_and_the_next_is_read(line, message):
    bad, good = of_csv(b"url,note\n" + line + b"\nnext,n\n")
    assert isinstance(bad, BadLine)
    assert bad.line == 2
    assert message in bad.message
    assert good == Row(3, "next", None, {"note": "n"})


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_without_end():
    bad, *others = of_csv(b'url\n"a\n' + b"http://example.org/\n" * 10_000)
    assert (bad.line, bad.message) == (2, "is longer than 65,536 bytes")
    assert others[-1] == Row(10_002, "http://example.org/")
