"""Which URLs are fetched at all. Where they lead is decided when the connection is made."""

import re
from ipaddress import AddressValueError, IPv4Address

from yarl import URL

from worker.errors import ImageRefused

MAX_CHARACTERS = 2048
SCHEMES = ("http", "https")
WEB_PORTS = (80, 443)
FIRST_FREE_PORT = 1024
"""Below it, ports other than the web's belong to services that must not be spoken to."""

BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")
AUTHORITY = re.compile(r"[a-z]+://([^/?#]*)", re.IGNORECASE)
NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?", re.IGNORECASE)


def parse(text: str) -> URL:
    """The URL, its host in ASCII.

    Raises:
        ImageRefused: `url_not_valid`, `scheme_not_allowed` or `address_not_allowed`.
    """
    if len(text) > MAX_CHARACTERS:
        raise _not_valid(f"It has more than {MAX_CHARACTERS:,} characters.")
    if BLANK_OR_CONTROL.search(text):
        raise _not_valid("It holds a blank or a control character.")
    try:
        url = URL(text)
        host, port = url.raw_host, url.port
    except ValueError as error:
        raise _not_valid("It cannot be read.") from error
    if url.scheme not in SCHEMES:
        raise ImageRefused("scheme_not_allowed")
    if not host:
        raise _not_valid("It names no host.")
    _check_authority(text)
    _check_port(port)
    _check_number(host)
    return url


def join(base: URL, location: str) -> URL:
    """Where a redirect leads, under the same rules.

    Raises:
        ImageRefused: as `parse`.
    """
    try:
        # Servers send blanks and umlauts as they are; yarl quotes them.
        return parse(str(base.join(URL(location.strip()))))
    except ValueError as error:
        raise _not_valid("The server redirects to what is no URL.") from error


def same_party(first: URL, later: URL) -> bool:
    """Whether headers meant for the host of `first` may go to `later`: never less protected."""
    if first.raw_host != later.raw_host:
        return False
    if first.scheme == later.scheme:
        return first.port == later.port
    return later.scheme == "https" and first.is_default_port() and later.is_default_port()


def _check_authority(text: str) -> None:
    authority = AUTHORITY.match(text)
    if authority is None or "\\" in authority[1]:
        raise _not_valid("It cannot be read.")
    if "@" in authority[1]:
        raise _not_valid("It holds a user name or password.")


def _check_port(port: int | None) -> None:
    if port is None or (port not in WEB_PORTS and port < FIRST_FREE_PORT):
        raise ImageRefused("address_not_allowed", f"Port {port} is not one of the web's.")


def _check_number(host: str) -> None:
    """A host that ends in a number is an address; of the ways to write one, only one is plain."""
    if ":" in host or not NUMBER.fullmatch(host.rstrip(".").rsplit(".", 1)[-1]):
        return
    try:
        IPv4Address(host)
    except AddressValueError as error:
        raise ImageRefused(
            "address_not_allowed", "The address is not written as four decimal numbers."
        ) from error


def _not_valid(why: str) -> ImageRefused:
    return ImageRefused("url_not_valid", f"The URL cannot be used. {why}")
