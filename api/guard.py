"""Keeps web pages out of a server that asks for no key.

A page from anywhere can make a browser send requests to 127.0.0.1: by a form or a script
(the browser then names the page in Origin and Sec-Fetch-Site), or under a name of its own
whose address it changes to 127.0.0.1 (DNS rebinding; the browser then sends that name as
Host). A key in the Authorization header cannot be sent by a foreign page, so with keys
there is nothing to check here.
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from api.errors import NotAllowedHere

OWN_SITES = ("same-origin", "none")


def check(method: str, path: str, scheme: str, headers: Headers, allowed: Collection[str]) -> None:
    """Raise NotAllowedHere unless the request comes from this machine's own user."""
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not _is_ours(hosts[0], allowed):
        raise NotAllowedHere(
            "This server answers to loopback names only; CAPTIONS_API_ALLOWED_HOSTS adds others."
        )
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"{scheme}://{hosts[0].lower()}":
        raise NotAllowedHere("Requests from web pages of other origins are refused.")
    site = headers.get("sec-fetch-site", "none")
    if site not in OWN_SITES and not _opens_the_page(method, path, headers):
        raise NotAllowedHere("Requests from web pages of other sites are refused.")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine and no other."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_ours(host: str, allowed: Collection[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name in allowed


def _opens_the_page(method: str, path: str, headers: Headers) -> bool:
    """A link somewhere else to our page: a document of its own, which changes nothing."""
    opened = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return method == "GET" and path == "/" and opened == ("navigate", "document")
