"""URL → bytes over HTTP: limits on size, time and redirects, and manners."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from ipaddress import ip_address

import aiohttp
from yarl import URL

from jobs.settings import Settings
from worker.decoder.formats import HEAD_BYTES, sniff
from worker.errors import AddressRefused, ImageRefused, PictureUnreadable
from worker.fetch import answers, urls
from worker.fetch.dialer import Dialer
from worker.fetch.fetched import Fetched, check_size
from worker.fetch.places import Places

OWN_HEADERS = {
    "User-Agent": "captions/0.1 (captions pictures on behalf of a user)",
    "Accept": "image/*,*/*;q=0.5",
    "Accept-Encoding": "identity",
}

KEPT_HEADERS = ("accept-encoding", "connection", "content-length", "host", "transfer-encoding")
"""Ours to set; a job's headers do not touch them."""


class Downloader:
    """Fetches pictures over one session. Made in the loop that it works in."""

    def __init__(self, settings: Settings, dialer: Dialer, places: Places) -> None:
        self._settings = settings
        self._places = places
        self._session = aiohttp.ClientSession(
            connector=dialer.connector(),
            headers=OWN_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(
                total=None,
                sock_connect=settings.connect_seconds,
                sock_read=settings.read_seconds,
            ),
        )

    @asynccontextmanager
    async def open(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Fetched]:
        """The picture at `url`; its place at the host is kept for the length of the block.

        headers: sent to the host of `url` only, and to nobody that it redirects to.

        Raises:
            ImageRefused: the picture cannot be had.
        """
        first = target = urls.parse(url)
        headers = {name: headers[name] for name in headers if name.lower() not in KEPT_HEADERS}
        seconds = self._settings.fetch_seconds
        async with AsyncExitStack() as place:
            for _ in range(self._settings.max_redirects + 1):
                await place.enter_async_context(self._places.at(target.raw_host or ""))
                sent = headers if urls.same_party(first, target) else {}
                # Waiting for a place is not the server's fault: only asking takes its time.
                asked = asyncio.get_running_loop().time()
                with self._mapped(target):
                    async with asyncio.timeout(seconds):
                        answer = await self._ask(target, sent)
                seconds -= asyncio.get_running_loop().time() - asked
                if isinstance(answer, Fetched):
                    yield answer
                    return
                target = answer
                await place.aclose()
            raise ImageRefused(
                "too_many_redirects", f"More than {self._settings.max_redirects} redirects."
            )

    async def close(self) -> None:
        await self._session.close()

    async def _ask(self, url: URL, headers: Mapping[str, str]) -> Fetched | URL:
        """One request: the picture, or where the server sends us."""
        async with self._session.get(url, headers=headers, allow_redirects=False) as response:
            if answers.redirects(response.status, response.headers):
                return urls.join(url, response.headers["Location"])
            if pause := answers.pause(response.status, response.headers):
                self._places.pause(url.raw_host or "", pause)
            answers.check(response.status, response.headers)
            return await self._read(response)

    async def _read(self, response: aiohttp.ClientResponse) -> Fetched:
        """The body, counted while it streams in; given up as soon as it cannot be a picture."""
        most = self._settings.max_picture_bytes
        check_size(response.content_length or 0, most)
        data, digest, known = bytearray(), hashlib.sha256(), False
        async for chunk in response.content.iter_any():
            data += chunk
            digest.update(chunk)
            check_size(len(data), most)
            if not known and len(data) >= HEAD_BYTES:
                sniff(data)
                known = True
        if not data:
            raise ImageRefused("empty")
        return Fetched(data, digest.hexdigest())

    @contextmanager
    def _mapped(self, url: URL) -> Iterator[None]:
        """Errors of aiohttp and the system → ImageRefused. The one seam to them."""
        try:
            yield
        except PictureUnreadable as error:
            raise ImageRefused(error.code) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._refused(error, url) from error

    def _refused(self, error: Exception, url: URL) -> ImageRefused:
        host = url.host
        cause = getattr(error, "os_error", error)
        match error:
            case _ if isinstance(cause, AddressRefused):
                return ImageRefused("address_not_allowed", _said_of(url, cause))
            case TimeoutError():
                return ImageRefused("timeout", f"{host} took too long.")
            case aiohttp.ClientConnectorDNSError():
                return ImageRefused("dns_failed", f"The name {host} could not be resolved.")
            case aiohttp.ClientSSLError() | ssl.SSLError():
                return ImageRefused("tls_failed", f"{host} could not be trusted: {cause}")
            case aiohttp.InvalidURL():
                return ImageRefused("url_not_valid")
            case aiohttp.ClientPayloadError():
                return ImageRefused("connection_failed", f"{host} broke off its answer.")
            case aiohttp.ClientResponseError():
                return ImageRefused("connection_failed", f"{host} does not answer as HTTP asks.")
            case _:
                return ImageRefused("connection_failed", f"The connection to {host} failed.")


def _said_of(url: URL, refused: AddressRefused) -> str:
    """Of a name, not what it leads to: clients could read our side's DNS by asking for names."""
    try:
        ip_address(url.raw_host or "")
    except ValueError:
        return f"{url.host} leads to an address that is not public."
    return str(refused)
