"""Records → what goes out. `api.schemas` describes the same shapes for OpenAPI."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.responses import Response

from api.waiting import Written
from jobs import queries
from jobs.records import Image, Job

Document = dict[str, Any]


def json_response(
    document: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(orjson.dumps(document), status, headers, media_type="application/json")


def job_response(written: Written, status: int = 200, **headers: str) -> Response:
    """A written job with its ETag, not to be kept by caches without asking."""
    tag = {"ETag": etag(written.version), "Cache-Control": "private, no-cache"}
    return Response(written.body, status, tag | headers, media_type="application/json")


def etag(version: int) -> str:
    """Weak: rate and estimated end move with the clock, the version with the job."""
    return f'W/"{version}"'


def written(job: Job) -> Written:
    return Written(job.version, orjson.dumps(job_document(job, now())), job.ended)


def job_document(job: Job, moment: float) -> Document:
    return {
        "id": job.id,
        "state": job.state,
        "counts": {
            "total": job.total,
            "queued": job.total - job.done,
            "succeeded": job.succeeded,
            "failed": job.failed,
            "canceled": job.canceled,
            "reused": job.reused,
            "duplicates": job.duplicates,
            "rejected": job.rejected,
        },
        "progress": _progress(job, moment),
        "options": job.options.as_json(),
        "metadata": job.metadata,
        "created_at": rfc3339(job.created_at),
        "started_at": rfc3339(job.started_at),
        "finished_at": rfc3339(job.finished_at),
        "updated_at": rfc3339(job.updated_at),
        "deadline": rfc3339(job.deadline),
        "keep_until": rfc3339(job.keep_until),
        "error": job.error,
        "links": {
            "self": f"/v1/jobs/{job.id}",
            "images": f"/v1/jobs/{job.id}/images",
            "captions_jsonl": f"/v1/jobs/{job.id}/captions.jsonl",
            "captions_csv": f"/v1/jobs/{job.id}/captions.csv",
            "rejected_csv": f"/v1/jobs/{job.id}/rejected.csv" if job.rejected else None,
        },
    }


def image_document(image: Image) -> Document:
    return {
        "position": image.position,
        "key": image.key,
        "url": image.url,
        "state": image.state,
        "caption": image.caption,
        "confidence": image.confidence,
        "log_probability": image.log_probability,
        "alternatives": [
            {"text": text, "log_probability": log_probability}
            for text, log_probability in image.alternatives
        ],
        "code": image.code,
        "message": image.message,
        "metadata": image.metadata,
        "finished_at": rfc3339(image.finished_at),
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "checkpoint": image.checkpoint,
        "checkpoint_sha256": image.checkpoint_sha256,
        "duplicate_of": image.duplicate_of,
        "reused": image.reused,
        "thumbnail": f"/v1/jobs/{image.job_id}/images/{image.position}/thumbnail",
    }


def next_address(path: str, rows: Sequence[object], limit: int, **query: object) -> str | None:
    """The page after this one; a page that is not full is the last."""
    if len(rows) < limit:
        return None
    known = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(known | {'limit': limit})}"


def rfc3339(seconds: float | None) -> str | None:
    """Epoch seconds → 2026-01-31T12:00:00.250Z."""
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def now() -> float:
    """Epoch seconds, for rates and estimates only: what counts is the database's clock."""
    return time.time()


def _progress(job: Job, moment: float) -> Document:
    progress = queries.progress(job, moment)
    left = None if job.ended else progress.eta_seconds
    return {
        "done": round(progress.done / job.total, 4) if job.total else 0.0,
        "images_per_second": progress.rate,
        "estimated_end": None if left is None else rfc3339(moment + left),
    }
