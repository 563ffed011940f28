"""The examples of the OpenAPI document: one small job, told from end to end."""

from typing import Any

JOB_ID = "job_06f3kqzj7p8m4n2r5t9v0w1x3y"

SUBMISSION: dict[str, Any] = {
    "images": [
        {"url": "https://images.example/harbour.jpg", "key": "harbour"},
        {"url": "https://images.example/gone.jpg", "metadata": {"shelf": 12}},
    ],
    "options": {"beam_width": 3},
    "metadata": {"album": "2026 summer"},
}

NDJSON = (
    '{"url": "https://images.example/harbour.jpg", "key": "harbour"}\n'
    '{"url": "https://images.example/gone.jpg", "metadata": {"shelf": 12}}\n'
)
CSV_SUBMISSION = "url,key,shelf\r\nhttps://images.example/harbour.jpg,harbour,12\r\n"

JOB: dict[str, Any] = {
    "id": JOB_ID,
    "state": "succeeded",
    "counts": {
        "total": 2,
        "queued": 0,
        "succeeded": 1,
        "failed": 1,
        "canceled": 0,
        "reused": 0,
        "duplicates": 0,
        "rejected": 0,
    },
    "progress": {"done": 1.0, "images_per_second": 1.6, "estimated_end": None},
    "options": {"beam_width": 3, "max_length": 20, "deduplicate": True, "reuse": True},
    "metadata": {"album": "2026 summer"},
    "created_at": "2026-07-01T12:00:00.000Z",
    "started_at": "2026-07-01T12:00:00.120Z",
    "finished_at": "2026-07-01T12:00:01.370Z",
    "updated_at": "2026-07-01T12:00:01.370Z",
    "deadline": None,
    "keep_until": None,
    "error": None,
    "links": {
        "self": f"/v1/jobs/{JOB_ID}",
        "images": f"/v1/jobs/{JOB_ID}/images",
        "captions_jsonl": f"/v1/jobs/{JOB_ID}/captions.jsonl",
        "captions_csv": f"/v1/jobs/{JOB_ID}/captions.csv",
        "rejected_csv": None,
    },
}

JOBS: dict[str, Any] = {"jobs": [JOB], "next": None}

IMAGES: dict[str, Any] = {
    "images": [
        {
            "position": 0,
            "key": "harbour",
            "url": "https://images.example/harbour.jpg",
            "state": "succeeded",
            "caption": "a boat lies in the harbour",
            "confidence": 0.71,
            "log_probability": -6.42,
            "alternatives": [{"text": "a boat on the water", "log_probability": -7.05}],
            "code": None,
            "message": None,
            "metadata": None,
            "finished_at": "2026-07-01T12:00:01.370Z",
            "sha256": "9f2c4d7a5c1be0d38b7f16a2c5e48d90b3a6f7e1c2d4958b6a7e0f1d2c3b4a59",
            "width": 1600,
            "height": 1067,
            "checkpoint": "efficientnet-lite-lstm",
            "checkpoint_sha256": "4b7d0c9e8f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4",
            "duplicate_of": None,
            "reused": False,
            "thumbnail": f"/v1/jobs/{JOB_ID}/images/0/thumbnail",
        }
    ],
    "next": f"/v1/jobs/{JOB_ID}/images?cursor=0&limit=1",
}

JSONL = (
    '{"position":0,"key":"harbour","url":"https://images.example/harbour.jpg",'
    '"state":"succeeded","caption":"a boat lies in the harbour","confidence":0.71,'
    '"code":null,"message":null}\n'
    '{"position":1,"key":null,"url":"https://images.example/gone.jpg",'
    '"state":"failed","caption":null,"confidence":null,'
    '"code":"http_404","message":"The server has no such picture (404)."}\n'
)

CSV = (
    "position,key,url,state,caption,confidence,code,message\r\n"
    "0,harbour,https://images.example/harbour.jpg,succeeded,a boat lies in the harbour,0.71,,\r\n"
    "1,,https://images.example/gone.jpg,failed,,,http_404,"
    "The server has no such picture (404).\r\n"
)

REJECTED = "line,field,message\r\n7,url,must begin with http:// or https://\r\n"

LINK: dict[str, Any] = {
    "url": f"/v1/links/{JOB_ID}/captions.csv?expires=1782910800&signature=3f1c…",
    "expires_at": "2026-07-01T13:00:00.000Z",
}

UPLOAD: dict[str, Any] = {
    "id": "upl_06f3kqzj7p8m4n2r5t9v0w1x3y",
    "url": "upload:upl_06f3kqzj7p8m4n2r5t9v0w1x3y",
    "media_type": "image/jpeg",
    "bytes": 183_402,
    "sha256": "9f2c4d7a5c1be0d38b7f16a2c5e48d90b3a6f7e1c2d4958b6a7e0f1d2c3b4a59",
    "expires_at": "2026-07-02T12:00:00.000Z",
}

DELIVERIES: dict[str, Any] = {
    "deliveries": [
        {
            "id": "msg_06f3kqzj7p8m4n2r5t9v0w1x3y",
            "event": "job.succeeded",
            "url": "https://library.example/hooks/captions",
            "status": "delivered",
            "attempts": 1,
            "next_attempt": None,
            "created_at": "2026-07-01T12:00:01.370Z",
            "delivered_at": "2026-07-01T12:00:01.902Z",
            "answer": 204,
            "error": None,
        }
    ]
}

WEBHOOK_SECRET = {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}

READINESS: dict[str, Any] = {
    "status": "degraded",
    "parts": [
        {"name": "database", "state": "ok", "detail": "answers", "hint": None},
        {
            "name": "caption",
            "state": "missing",
            "detail": "no caption worker was seen in the last 30 seconds",
            "hint": "Start one: python -m worker caption",
        },
    ],
}

UNREADINESS: dict[str, Any] = {
    "status": "unavailable",
    "parts": [
        {
            "name": "database",
            "state": "down",
            "detail": "does not answer as it should",
            "hint": "Check CAPTIONS_DATABASE_URL and the server.",
        }
    ],
}


def problem(status: int, name: str, title: str) -> dict[str, Any]:
    """A problem document of this kind, with a fault where the request is at fault."""
    document: dict[str, Any] = {
        "type": f"/problems/{name}",
        "title": title,
        "status": status,
        "detail": f"{title}.",
        "request_id": "req_06f3kqzj7p8m4n2r5t9v0w1x3y",
    }
    if status == 422:
        fault = {"field": "images[3].url", "message": "names no host", "position": 3}
        document |= {"detail": "images[3].url names no host. Nothing was kept.", "errors": [fault]}
    return document
