"""upload: from the service's own store, s3:// from the buckets that the operator allows."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jobs.ids import new_id
from jobs.settings import Settings
from jobs.store import open_store, upload_key
from jobs.store.s3 import S3Store
from worker.errors import ImageRefused
from worker.fetch.fetched import Fetched
from worker.fetch.objects import BucketSource, UploadSource
from worker.fetch.places import Places
from worker.fetch.sources import Source

MOST_BYTES = 1000


def read(source: Source, url: str) -> Fetched:
    async def run() -> Fetched:
        async with source.open(url, {}) as fetched:
            return fetched

    return asyncio.run(run())


def code(source: Source, url: str) -> str:
    with pytest.raises(ImageRefused) as refused:
        read(source, url)
    return refused.value.code


def test_an_upload_is_read_from_the_store(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}", Settings())
    upload, large = new_id("upl"), new_id("upl")
    store.put(upload_key(upload), b"a picture")
    store.put(upload_key(large), bytes(MOST_BYTES + 1))
    source = UploadSource(store, MOST_BYTES, Places(1, 1))
    assert read(source, f"upload:{upload}").data == b"a picture"
    assert code(source, f"upload:{large}") == "too_large"


@pytest.mark.parametrize("name", ["upl_00000000000000000000000000", "../results/x", ""])
def test_an_upload_that_is_not_there_is_missing(tmp_path: Path, name: str) -> None:
    store = open_store(f"file://{tmp_path}", Settings())
    assert code(UploadSource(store, MOST_BYTES, Places(1, 1)), f"upload:{name}") == "upload_missing"


def test_objects_are_read_from_allowed_buckets_only(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two objects in a bucket that the operator allows
    store = S3Store(s3_url, Settings())
    bucket = urlsplit(s3_url).netloc
    pictures = {"photos/Ä 1.jpg": b"a picture", "a?b#c.jpg": b"odd", "large.jpg": bytes(1001)}
    for key, data in pictures.items():
        store.client.put_object(Bucket=bucket, Key=key, Body=data)
    source = BucketSource(
        Settings(store_url=s3_url, s3_allow=bucket, max_picture_bytes=MOST_BYTES), Places(1, 1)
    )
    # Then they are read within the limits, and nothing else is
    assert read(source, f"s3://{bucket}/photos/%C3%84%201.jpg").data == b"a picture"
    assert read(source, f"s3://{bucket}/a?b#c.jpg").data == b"odd"
    assert code(source, f"s3://{bucket}/large.jpg") == "too_large"
    assert code(source, f"s3://{bucket}/none.jpg") == "object_missing"
    assert code(source, "s3://another/photos/1.jpg") == "bucket_not_allowed"


def test_what_the_service_keeps_in_an_allowed_bucket_is_nobodys_source(
    s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an operator who allows the very bucket that the store is in
    store = S3Store(s3_url, Settings())
    theirs = upload_key(new_id("upl"))
    store.put(theirs, b"somebody's picture")
    bucket, prefix = urlsplit(s3_url).netloc, urlsplit(s3_url).path
    source = BucketSource(Settings(store_url=s3_url, s3_allow=bucket), Places(1, 1))
    # Then a job still cannot name somebody's upload by its place there, however it is written
    for key in (theirs, theirs.replace("uploads", "%75ploads")):
        assert code(source, f"s3://{bucket}{prefix}/{key}") == "bucket_not_allowed"
