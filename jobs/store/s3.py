"""The store of a fleet: a bucket of Amazon S3, or of anything that speaks its protocol."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jobs.errors import ObjectMissing, SettingsError, StoreFull, StoreUnavailable
from jobs.settings import Settings
from jobs.store.protocol import CHUNK, check_key

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MISSING = ("404", "NoSuchKey", "NotFound")
NO_ROOM = ("QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "507")
#: One DeleteObjects request takes no more.
MOST_DELETED = 1000
#: Above this size files go up in parts; in turn, so that memory stays small.
TRANSFER = TransferConfig(multipart_threshold=16 * 1024 * 1024, use_threads=False)


def connect(endpoint: str | None, region: str | None) -> "S3Client":
    """A client with the operator's credentials (boto3's usual places).

    Many compatible servers refuse the checksums that boto3 sends by itself, and
    host names with the bucket in them; so neither is used.
    """
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 4},
            max_pool_connections=32,
        ),
    )


class S3Store:
    """Objects under `s3://bucket/prefix?endpoint=…&region=…`."""

    def __init__(self, url: str, settings: Settings) -> None:  # noqa: ARG002
        parts = urlsplit(url)
        if not parts.netloc:
            raise SettingsError("CAPTIONS_STORE_URL", "must name a bucket: s3://bucket/prefix")
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.bucket = parts.netloc
        self.prefix = f"{parts.path.strip('/')}/".lstrip("/")
        self.client = connect(query.get("endpoint"), query.get("region"))

    def put(self, key: str, data: bytes) -> None:
        with _mapped(key):
            self.client.put_object(Bucket=self.bucket, Key=self._name(key), Body=data)

    def put_file(self, key: str, path: Path) -> None:
        with _mapped(key):
            self.client.upload_file(str(path), self.bucket, self._name(key), Config=TRANSFER)

    def get(self, key: str) -> bytes:
        with _mapped(key):
            return self.client.get_object(Bucket=self.bucket, Key=self._name(key))["Body"].read()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        wanted = f"bytes={start}-{start + length - 1}"
        with _mapped(key):
            found = self.client.get_object(Bucket=self.bucket, Key=self._name(key), Range=wanted)
            return found["Body"].read()

    def stream(self, key: str) -> Iterator[bytes]:
        with _mapped(key):
            body = self.client.get_object(Bucket=self.bucket, Key=self._name(key))["Body"]
            with body:
                yield from body.iter_chunks(CHUNK)

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except ObjectMissing:
            return False
        return True

    def size(self, key: str) -> int:
        with _mapped(key):
            return self.client.head_object(Bucket=self.bucket, Key=self._name(key))["ContentLength"]

    def delete(self, keys: Iterable[str]) -> None:
        waiting = iter(keys)
        while some := tuple(islice(waiting, MOST_DELETED)):
            names: list[Any] = [{"Key": self._name(key)} for key in some]
            with _mapped(some[0]):
                answer = self.client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": names, "Quiet": True}
                )
            for error in answer.get("Errors", ()):
                raise StoreUnavailable(f"{error.get('Key')}: {error.get('Message')}")

    def list(self, prefix: str) -> Iterator[str]:
        check_key(prefix.rstrip("/"))
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix + prefix
        )
        with _mapped(prefix):
            for page in pages:
                for found in page.get("Contents", ()):
                    yield found["Key"].removeprefix(self.prefix)

    def presign(self, key: str, seconds: float, filename: str, content_type: str) -> str | None:
        return self.client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.bucket,
                "Key": self._name(key),
                "ResponseContentDisposition": f'attachment; filename="{filename}"',
                "ResponseContentType": content_type,
            },
            ExpiresIn=int(seconds),
        )

    def check(self) -> None:
        with _mapped(self.bucket):
            self.client.head_bucket(Bucket=self.bucket)

    def _name(self, key: str) -> str:
        return self.prefix + check_key(key)


@contextmanager
def _mapped(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in MISSING:
            raise ObjectMissing(key) from error
        if code in NO_ROOM:
            raise StoreFull() from error
        raise StoreUnavailable(f"{key}: {error}") from error
    except (BotoCoreError, Boto3Error, OSError) as error:
        raise StoreUnavailable(f"{key}: {error}") from error
