"""The address rule: which addresses anything here may connect to.

A list of our own. The `is_global` of the standard library lets through Azure's host address,
multicast, site-local addresses and the translated forms of private ones.
"""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from worker.errors import AddressRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED: dict[Network, str] = {
    ip_network(network): name
    for network, name in {
        # IANA's IPv4 special-purpose registry, and clouds' own addresses
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "shared by a carrier",
        "127.0.0.0/8": "loopback",
        "168.63.129.16/32": "a cloud's host",
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "reserved for protocols",
        "192.0.2.0/24": "for documentation",
        "192.31.196.0/24": "reserved for protocols",
        "192.52.193.0/24": "reserved for protocols",
        "192.88.99.0/24": "a 6to4 relay",
        "192.168.0.0/16": "private",
        "192.175.48.0/24": "reserved for protocols",
        "198.18.0.0/15": "for benchmarks",
        "198.51.100.0/24": "for documentation",
        "203.0.113.0/24": "for documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
        # IANA's IPv6 special-purpose registry, within global unicast
        "2001::/23": "reserved for protocols",
        "2001:db8::/32": "for documentation",
        "2002::/16": "6to4",
        "2620:4f:8000::/48": "reserved for protocols",
        "3fff::/20": "for documentation",
    }.items()
}

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is routed; loopback, private, link- and site-local, multicast lie outside."""

TRANSPARENT = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""IPv4-mapped (RFC 4291) and NAT64 (RFC 6052): reached by the IPv4 address inside alone."""

IPV4_BITS = 0xFFFF_FFFF
TEREDO_MASK = 0xFFFF_FFFF

EMBEDDED: dict[IPv6Network, Callable[[int], tuple[int, ...]]] = {
    IPv6Network("::/96"): lambda value: (value & IPV4_BITS,),
    IPv6Network("::ffff:0:0/96"): lambda value: (value & IPV4_BITS,),
    IPv6Network("::ffff:0:0:0/96"): lambda value: (value & IPV4_BITS,),
    IPv6Network("64:ff9b::/96"): lambda value: (value & IPV4_BITS,),
    IPv6Network("64:ff9b:1::/48"): lambda value: (value & IPV4_BITS, _rfc6052_48(value)),
    IPv6Network("2002::/16"): lambda value: (value >> 80 & IPV4_BITS,),
    IPv6Network("2001::/32"): lambda value: (
        value >> 64 & IPV4_BITS,
        (value & IPV4_BITS) ^ TEREDO_MASK,
    ),
}
"""Where IPv4 addresses hide: compatible and mapped (RFC 4291), translated (RFC 2765), NAT64
(RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo's server and client (RFC 4380)."""

ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The middle of an interface identifier that ends in an IPv4 address (RFC 5214)."""


def check(address: str | Address, allow: Sequence[Network] = ()) -> None:
    """Return if this address may be connected to.

    Args:
        allow: networks that the operator lets through.

    Raises:
        AddressRefused: otherwise, naming the address and what it is.
    """
    try:
        parsed = ip_address(address)
    except ValueError as error:
        raise AddressRefused(f"{address} is not an address.") from error
    if name := refusal(parsed, allow):
        raise AddressRefused(f"{address} is not a public address ({name}).")


def refusal(address: Address, allow: Sequence[Network] = ()) -> str | None:
    """What an address is that may not be connected to; None for one that may.

    An address that holds others is only as good as they are: allowing the outer one lets no
    private inner one through.
    """
    inside = embedded(address)
    for inner in inside:
        if name := refusal(inner, allow):
            return f"holds {inner}, {name}"
    if inside and any(address in network for network in TRANSPARENT):
        return None
    if any(address in network for network in allow):
        return None
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return "not global unicast"
    return next((name for network, name in REFUSED.items() if address in network), None)


def embedded(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address carries."""
    if isinstance(address, IPv4Address):
        return []
    value = int(address)
    found = [read(value) for network, read in EMBEDDED.items() if address in network]
    if value >> 32 & IPV4_BITS in ISATAP:
        found.append((value & IPV4_BITS,))
    return [IPv4Address(number) for numbers in found for number in numbers]


def _rfc6052_48(value: int) -> int:
    """The IPv4 address around bits 64 to 71 of an address with a 48 bit prefix (RFC 6052, 2.2)."""
    return (value >> 64 & 0xFFFF) << 16 | value >> 40 & 0xFFFF
