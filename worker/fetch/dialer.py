"""The one way out. Whatever connects to a stranger's host gets its connections here.

A name is resolved once, all of its addresses are checked, and the socket is opened to the very
address that was checked, while the name stays in SNI and Host. A redirect is a new request and
so goes through here again.
"""

import socket
from collections.abc import Sequence

from aiohttp import TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

from worker.fetch.addresses import Network, check

DNS_SECONDS = 30
"""How long an answer is kept; what is kept was checked, and is checked again when dialled."""


class CheckedResolver(AbstractResolver):
    """Answers with addresses that may be connected to, or not at all."""

    def __init__(self, allow: Sequence[Network], lookup: AbstractResolver) -> None:
        self._allow = allow
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises AddressRefused if one address of several is not allowed: such names are traps."""
        results = await self._lookup.resolve(host, port, family)
        for result in results:
            check(result["host"], self._allow)
        return results

    async def close(self) -> None:
        await self._lookup.close()


class Dialer:
    """Makes connectors that keep the address rule.

    Args:
        allow: networks that the operator lets through.
        lookup: how names are resolved; by default as the system does.
    """

    def __init__(self, allow: Sequence[Network], lookup: AbstractResolver | None = None) -> None:
        self._allow = tuple(allow)
        self._lookup = lookup

    def connector(self) -> TCPConnector:
        """For an aiohttp session in the running loop. How many connect is the caller's to bound."""
        return TCPConnector(
            resolver=CheckedResolver(self._allow, self._lookup or ThreadedResolver()),
            socket_factory=self._open_socket,
            ttl_dns_cache=DNS_SECONDS,
            limit=0,
        )

    def _open_socket(self, target: AddrInfoType) -> socket.socket:
        """Asked for every connection, those to literal addresses too, which nobody resolves."""
        family, kind, protocol, _, address = target
        check(str(address[0]), self._allow)
        return socket.socket(family, kind, protocol)
