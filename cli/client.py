"""A small typed client of the HTTP API.

    with Client("http://127.0.0.1:8000") as client:
        job = client.submit(["https://example.org/1.jpg", "https://example.org/2.jpg"])
        for row in client.captions(client.wait(job.id).id):
            print(row.url, row.caption, row.confidence)

Every method raises `cli.errors.Refused` with the server's problem document, and
`cli.errors.Unreachable` where no server answers.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, Self

import httpx

from cli.answers import Caption, Image, Job
from cli.errors import Refused, Unreachable

TIMEOUT_SECONDS = 30.0
LONG_POLL_SECONDS = 20
CHUNK_BYTES = 1 << 16

Entry = str | Mapping[str, Any]


class Client:
    """One server, one key. Threads may share it.

    url: of the server. key: an API key, where the server wants one.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def submit(
        self,
        images: Iterable[Entry],
        options: Mapping[str, Any] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Job:
        """A job of up to 10,000 images: URLs, or `{"url", "key", "metadata"}`.

        fields: further fields of the job, such as `webhook_url` or `deadline`.
        """
        body = {"images": [_entry(image) for image in images], **_plain(fields)}
        if options is not None:
            body["options"] = dict(options)
        if metadata is not None:
            body["metadata"] = dict(metadata)
        headers = _idempotent(idempotency_key)
        return Job.read(self._call("POST", "/v1/jobs", json=body, headers=headers))

    def stream(
        self,
        images: Iterable[Entry],
        options: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Job:
        """A job of any number of images, sent as it is read, in constant memory.

        fields: further fields of the job, such as `on_invalid="skip"` or `deadline`.
        """
        headers = {"Content-Type": "application/x-ndjson", **_idempotent(idempotency_key)}
        if "headers" in fields:
            headers["Captions-Fetch-Headers"] = json.dumps(fields.pop("headers"))
        if "metadata" in fields:
            fields["metadata"] = json.dumps(fields["metadata"])
        lines = (json.dumps(_entry(image)).encode() + b"\n" for image in images)
        params = {**(options or {}), **_plain(fields)}
        return Job.read(
            self._call("POST", "/v1/jobs", params=params, content=lines, headers=headers)
        )

    def upload(self, picture: BinaryIO) -> str:
        """Send a picture file; the answer is its URL in a job, `upload:…`."""
        headers = {"Content-Type": "application/octet-stream"}
        answer = self._call("POST", "/v1/uploads", content=picture, headers=headers)
        return str(answer["url"])

    def job(self, job_id: str, wait: int | None = None) -> Job:
        """wait: seconds that the server may hold the answer back until something changes."""
        params = {} if wait is None else {"wait": wait}
        timeout = TIMEOUT_SECONDS + (wait or 0)
        return Job.read(self._call("GET", f"/v1/jobs/{job_id}", params=params, timeout=timeout))

    def wait(self, job_id: str, each: Callable[[Job], object] = id) -> Job:
        """Until the job has ended; `each` is called with it whenever it changed."""
        job = self.job(job_id)
        each(job)
        while not job.ended:
            job = self.job(job_id, wait=LONG_POLL_SECONDS)
            each(job)
        return job

    def jobs(self, **filters: Any) -> Iterator[Job]:
        """All jobs of this key, newest first, fetched page by page."""
        return map(Job.read, self._pages("/v1/jobs", "jobs", filters))

    def images(self, job_id: str, **filters: Any) -> Iterator[Image]:
        """The images of a job in order, fetched page by page; `state="failed"` for some."""
        return map(Image.read, self._pages(f"/v1/jobs/{job_id}/images", "images", filters))

    def captions(self, job_id: str) -> Iterator[Caption]:
        """A row for each image in order, as they arrive."""
        with self._stream(f"/v1/jobs/{job_id}/captions.jsonl") as answer:
            for line in answer.iter_lines():
                yield Caption.read(json.loads(line))

    def download(self, job_id: str, form: str, out: BinaryIO) -> None:
        """Copy captions.jsonl or captions.csv (form: "jsonl" or "csv") as the server wrote it."""
        with self._stream(f"/v1/jobs/{job_id}/captions.{form}") as answer:
            for chunk in answer.iter_bytes(CHUNK_BYTES):
                out.write(chunk)

    def rejected(self, job_id: str, out: BinaryIO) -> None:
        """Copy rejected.csv: the lines of a stream that became no image."""
        with self._stream(f"/v1/jobs/{job_id}/rejected.csv") as answer:
            for chunk in answer.iter_bytes(CHUNK_BYTES):
                out.write(chunk)

    def thumbnail(self, job_id: str, position: int) -> bytes:
        """The picture of an image as a small JPEG."""
        with self._stream(f"/v1/jobs/{job_id}/images/{position}/thumbnail") as answer:
            return answer.read()

    def link(self, job_id: str, form: str, seconds: int = 3600) -> str:
        """An address from which anybody can download the captions of an ended job for a while."""
        path = f"/v1/jobs/{job_id}/captions.{form}/link"
        return str(self._call("GET", path, params={"seconds": seconds})["url"])

    def deliveries(self, job_id: str) -> list[dict[str, Any]]:
        """What the job's webhook was or will be told, oldest first, as the server writes it."""
        return list(self._call("GET", f"/v1/jobs/{job_id}/webhooks")["deliveries"])

    def webhook_secret(self) -> str:
        """What deliveries to the webhooks of this key are signed with."""
        return str(self._call("GET", "/v1/webhooks/secret")["secret"])

    def cancel(self, job_id: str) -> Job:
        return Job.read(self._call("POST", f"/v1/jobs/{job_id}/cancel"))

    def retry(self, job_id: str, codes: Iterable[str] = ()) -> Job:
        """Try the failed images again; `codes`: only those that failed with one of these."""
        params = {"codes": ",".join(codes)} if codes else {}
        return Job.read(self._call("POST", f"/v1/jobs/{job_id}/retry", params=params))

    def delete(self, job_id: str) -> None:
        self._call("DELETE", f"/v1/jobs/{job_id}")

    def _pages(self, path: str, name: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        page = self._call("GET", path, params=dict(params))
        yield from page[name]
        while page["next"]:
            page = self._call("GET", page["next"])
            yield from page[name]

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        with self._reachable():
            answer = self._http.request(method, path, **request)
        _refuse(answer)
        return dict(answer.json()) if answer.content else {}

    @contextmanager
    def _stream(self, path: str) -> Iterator[httpx.Response]:
        with self._reachable(), self._http.stream("GET", path, follow_redirects=True) as answer:
            if answer.is_error:
                answer.read()
            _refuse(answer)
            yield answer

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Unreachable(self.url, str(error) or type(error).__name__) from error


def _entry(image: Entry) -> dict[str, Any]:
    return {"url": image} if isinstance(image, str) else dict(image)


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Times as text; the rest as it is."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in fields.items()
    }


def _idempotent(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key} if key else {}


def _refuse(answer: httpx.Response) -> None:
    if not answer.is_error:
        return
    try:
        problem = dict(answer.json())
    except ValueError:
        problem = {"detail": answer.reason_phrase}
    after = answer.headers.get("Retry-After", "")
    raise Refused(answer.status_code, problem, float(after) if after.isdigit() else None)
