"""Scheme → where the picture comes from. The one place that knows all sources."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from jobs.settings import Settings
from jobs.store import Store
from worker.errors import ImageRefused
from worker.fetch.dialer import Dialer
from worker.fetch.download import Downloader
from worker.fetch.fetched import Fetched
from worker.fetch.files import FileSource
from worker.fetch.objects import BucketSource, UploadSource
from worker.fetch.places import Places


class Source(Protocol):
    """Gives the bytes that a URL names, for the length of a block; else raises ImageRefused."""

    def open(self, url: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Fetched]:
        """headers: what a job sends with its requests; for HTTP alone."""


class Sources:
    """Every source. Made in the loop that it works in."""

    def __init__(self, settings: Settings, store: Store, dialer: Dialer) -> None:
        places = Places(settings.connections, settings.connections_per_host)
        most_bytes = settings.max_picture_bytes
        self._web = Downloader(settings, dialer, places)
        self._by_scheme: dict[str, Source] = {
            "http": self._web,
            "https": self._web,
            "file": FileSource(settings.files_allow, most_bytes, places),
            "upload": UploadSource(store, most_bytes, places),
            "s3": BucketSource(settings, places),
        }

    def find(self, url: str) -> Source:
        """Raises ImageRefused (`scheme_not_allowed`) where there is none."""
        scheme = url.partition(":")[0].lower()
        if scheme not in self._by_scheme:
            raise ImageRefused("scheme_not_allowed")
        return self._by_scheme[scheme]

    async def close(self) -> None:
        await self._web.close()
