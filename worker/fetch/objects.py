"""upload: and s3:// → bytes, out of object stores."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from jobs.errors import ObjectMissing, StoreUnavailable
from jobs.settings import Settings
from jobs.store import Store, upload_key
from worker.errors import ImageRefused
from worker.fetch.fetched import Fetched, check_size
from worker.fetch.places import Places

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

UPLOAD_PREFIX = "upload:"
OWN_FOLDERS = ("uploads/", "prepared/", "results/")
FORBIDDEN = ("AccessDenied", "403")
MISSING = ("NoSuchKey", "NoSuchBucket", "404")


class UploadSource:
    """Pictures that were uploaded for a job, from the service's own store."""

    def __init__(self, store: Store, most_bytes: int, places: Places) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._places = places

    @asynccontextmanager
    async def open(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Fetched]:  # noqa: ARG002
        """The upload that `url` names.

        Raises:
            ImageRefused: `upload_missing`, `too_large`, `empty`.
            StoreUnavailable: the store does not answer; no picture's fault.
        """
        async with self._places.anywhere():
            yield await asyncio.to_thread(self._read, url.removeprefix(UPLOAD_PREFIX))

    def _read(self, upload_id: str) -> Fetched:
        try:
            key = upload_key(upload_id)
            check_size(self._store.size(key), self._most_bytes)
            return Fetched.of(self._store.get(key))
        except (ObjectMissing, ValueError) as error:  # ValueError: an id that is no id
            raise ImageRefused("upload_missing") from error


class BucketSource:
    """Pictures in the buckets that the operator allows, with the operator's credentials."""

    def __init__(self, settings: Settings, places: Places) -> None:
        self._settings = settings
        self._places = places

    @asynccontextmanager
    async def open(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Fetched]:  # noqa: ARG002
        """The object that `url` names.

        Raises:
            ImageRefused: `bucket_not_allowed`, `object_missing`, `http_403`, `too_large`, `empty`.
            StoreUnavailable: the store does not answer; no picture's fault.
        """
        bucket, key = self._name(url)
        async with self._places.anywhere():
            yield await asyncio.to_thread(self._read, bucket, key)

    def _name(self, url: str) -> tuple[str, str]:
        """(bucket, key); a key may hold `?` and `#`."""
        bucket, _, key = url.partition("://")[2].partition("/")
        if bucket not in self._settings.s3_allow or self._is_ours(bucket, unquote(key)):
            raise ImageRefused("bucket_not_allowed")
        return bucket, unquote(key)

    def _is_ours(self, bucket: str, key: str) -> bool:
        """Whether the service itself keeps it: what one key sent is not for another's jobs."""
        store = urlsplit(self._settings.store_url)
        if (store.scheme, store.netloc) != ("s3", bucket):
            return False
        prefix = f"{store.path.strip('/')}/".lstrip("/")
        return key.startswith(tuple(prefix + folder for folder in OWN_FOLDERS))

    def _read(self, bucket: str, key: str) -> Fetched:
        most = self._settings.max_picture_bytes
        with _mapped():
            found = self._client.get_object(Bucket=bucket, Key=key)
            with found["Body"] as body:
                check_size(found["ContentLength"], most)
                data = body.read(most + 1)
        check_size(len(data), most)
        return Fetched.of(data)

    @cached_property
    def _client(self) -> "S3Client":
        """Of the same service as the store, where that is S3; of Amazon otherwise."""
        from jobs.store.s3 import connect  # boto3 is slow to import, and not everybody needs it

        store = urlsplit(self._settings.store_url)
        query = parse_qs(store.query) if store.scheme == "s3" else {}
        return connect(query.get("endpoint", [None])[0], query.get("region", [None])[0])


@contextmanager
def _mapped() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in MISSING:
            raise ImageRefused("object_missing") from error
        if code in FORBIDDEN:
            raise ImageRefused("http_403", "The operator's credentials may not read it.") from error
        raise StoreUnavailable(str(error)) from error
    except BotoCoreError as error:
        raise StoreUnavailable(str(error)) from error
