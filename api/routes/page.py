"""The page at `/`: files of ours, and nothing from elsewhere."""

from functools import cache
from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).parent.parent / "page"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


@router.get("/")
async def index() -> Response:
    return _file("index.html")


@router.get("/page/{name}")
async def asset(name: Literal["page.css", "page.js", "icon.svg"]) -> Response:
    return _file(name)


def _file(name: str) -> Response:
    return Response(
        _read(name),
        media_type=MEDIA_TYPES[Path(name).suffix],
        headers={
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Cache-Control": "no-cache",
            "X-Frame-Options": "DENY",
        },
    )


@cache
def _read(name: str) -> bytes:
    return (FOLDER / name).read_bytes()
