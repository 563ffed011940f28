"""Prepared batches."""

import io
import tarfile

import pytest

from jobs import prepared
from jobs.errors import PreparedBroken

PICTURES = [(0, b"first"), (7, b""), (4_999_999, b"x" * 512), (3, b"y" * 1000)]


def test_what_is_packed_comes_out_again() -> None:
    assert prepared.unpack(prepared.pack(PICTURES)) == PICTURES
    assert prepared.unpack(prepared.pack([])) == []


def test_tar_reads_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(prepared.pack(PICTURES))) as tar:
        read = {member.name: tar.extractfile(member).read() for member in tar}

    assert read == {f"{position}.jpg": data for position, data in PICTURES}


def test_each_picture_is_found_by_its_byte_range() -> None:
    packed = prepared.pack(PICTURES)

    found = {
        at: packed[start : start + size] for at, (start, size) in prepared.index(packed).items()
    }

    assert found == dict(PICTURES)


@pytest.mark.parametrize("length", [0, 1, 511, 512, 600, 1024, 2047, -1])
def test_a_cut_off_batch_is_refused(length: int) -> None:
    with pytest.raises(PreparedBroken):
        prepared.unpack(prepared.pack(PICTURES)[:length])


def test_what_is_no_batch_is_refused() -> None:
    with pytest.raises(PreparedBroken):
        prepared.unpack(b"<html>" * 1000)
    member = tarfile.TarInfo("../etc/passwd")
    with pytest.raises(PreparedBroken):
        prepared.unpack(member.tobuf(tarfile.USTAR_FORMAT) + prepared.END)
