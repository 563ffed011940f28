"""Which URLs may stand in a job. Whether they may be fetched is decided when they are."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from api.schemas import MAX_URL_CHARACTERS
from jobs.settings import Settings

PLAIN = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,3})?(?:[/?#][^\x00-\x20\x7f]*)?"
)
"""What nearly every URL looks like; the rest is looked at closely."""

BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")
UPLOAD = re.compile(r"upload:upl_[0-9a-hjkmnp-tv-z]{26}")


@dataclass(frozen=True, slots=True)
class UrlRule:
    """files: whether `file://` is taken at all; buckets: those of `s3://`."""

    files: bool = False
    buckets: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> "UrlRule":
        return cls(files=bool(settings.files_allow), buckets=frozenset(settings.s3_allow))

    def fault(self, url: str) -> str | None:
        """Why this URL is not taken, as the end of a sentence; None when it is."""
        if len(url) > MAX_URL_CHARACTERS:
            return f"has {len(url):,} characters; {MAX_URL_CHARACTERS:,} are allowed"
        if PLAIN.fullmatch(url):
            return None
        return self._look_closely(url)

    def _look_closely(self, url: str) -> str | None:
        if BLANK_OR_CONTROL.search(url):
            return "holds a blank or a control character; percent-encode it"
        if UPLOAD.fullmatch(url):
            return None
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return "is not a URL"
        match parts.scheme:
            case "http" | "https":
                return _web_fault(parts.hostname, port, parts.netloc)
            case "file" if self.files:
                return None if parts.path and not parts.netloc else "must be file:///folder/picture"
            case "s3" if parts.netloc in self.buckets:
                return None if parts.path.strip("/") else "names no object in the bucket"
            case "s3":
                return "names a bucket that this server does not read (CAPTIONS_S3_ALLOW)"
            case _:
                return "must begin with http:// or https://"


def _web_fault(host: str | None, port: int | None, netloc: str) -> str | None:
    if not host:
        return "names no host"
    if port == 0:
        return "names port 0"
    if "@" in netloc:
        return "holds a user name or password; send per-job headers instead"
    return None
