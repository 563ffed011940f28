"""Gzip from strangers is read to its honest end, or refused."""

import gzip
import io
import zlib

import pytest

from api.ingest import inflate
from api.ingest.rows import Unreadable

TEXT = b"".join(b"http://example.org/%d.jpg\n" % number for number in range(20_000))


def unpack(packed, limit=10**9):
    return b"".join(inflate.gunzip(io.BytesIO(packed), limit))


def test_what_was_packed_comes_out_in_small_chunks():
    chunks = list(inflate.gunzip(io.BytesIO(gzip.compress(TEXT)), 10**9))
    assert b"".join(chunks) == TEXT
    assert max(map(len, chunks)) <= inflate.CHUNK


def test_members_follow_each_other():
    assert unpack(gzip.compress(b"a\n") + gzip.compress(b"b\n")) == b"a\nb\n"


@pytest.mark.parametrize("cut", [1, 5, 9, 30, 1000])
def test_a_file_that_is_cut_off_is_refused(cut):
    with pytest.raises(Unreadable, match="is cut off"):
        unpack(gzip.compress(TEXT)[:-cut])


def test_nothing_at_all_is_no_gzip_file():
    with pytest.raises(Unreadable, match="is cut off"):
        unpack(b"")


@pytest.mark.parametrize(
    "packed",
    [
        TEXT,
        zlib.compress(TEXT),
        gzip.compress(TEXT) + b"and more",
        gzip.compress(TEXT)[:-8] + b"\0" * 8,  # checksum and length
        gzip.compress(TEXT)[:200] + b"\xff" * 200,
    ],
)
def test_what_is_not_gzip_or_damaged_or_followed_by_something_is_refused(packed):
    with pytest.raises(Unreadable, match=r"not gzip|cut off"):
        unpack(packed)


def test_a_bomb_is_refused_early():
    chunks = inflate.gunzip(io.BytesIO(gzip.compress(bytes(30_000_000))), 10**9)
    given = []
    with pytest.raises(Unreadable, match="200 times"):
        given.extend(map(len, chunks))
    assert sum(given) < 15_000_000


def test_more_than_the_limit_is_refused():
    with pytest.raises(Unreadable, match="more than 1,000 bytes"):
        unpack(gzip.compress(TEXT), limit=1000)


def test_a_flood_of_empty_members_is_refused():
    with pytest.raises(Unreadable, match="members"):
        unpack(gzip.compress(b"") * 10_001)
