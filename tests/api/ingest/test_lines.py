"""Bytes become numbered lines, however they arrive."""

import pytest

from api.ingest.lines import LONGEST_LINE, split


def in_chunks(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_do_not_depend_on_how_the_bytes_arrive(size):
    data = "\ufeffone\r\n\ntwo\nschön\nlast".encode()
    assert list(split(in_chunks(data, size))) == [b"one\r", b"", b"two", "schön".encode(), b"last"]


@pytest.mark.parametrize("data", [b"", "\ufeff".encode()])
def test_nothing_has_no_lines(data):
    assert list(split(in_chunks(data, 1))) == []


@pytest.mark.parametrize("size", [1000, 64 * 1024, 10**6])
def test_a_line_too_long_is_cut_and_the_next_ones_keep_their_numbers(size):
    data = b"one\n" + b"x" * 200_000 + b"\nthree\n"
    first, cut, third = split(in_chunks(data, size))
    assert (first, third) == (b"one", b"three")
    assert len(cut) > LONGEST_LINE


def test_a_line_without_end_takes_no_memory():
    lengths = [len(line) for line in split(b"x" * 1000 for _ in range(10_000))]
    assert lengths == [LONGEST_LINE + 1]
