"""Which addresses customers may lead us to: a name is resolved once, each address is checked, and one of these is used.

Whoever looked the name up again for the connection could be told another address then (DNS rebinding).
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

NAT64 = IPv6Network("64:ff9b::/96")
LOOKUP_SECONDS = 10.0


class AddressRefused(Exception):
    """The host may not be connected to, or is unknown; the message is a sentence for the user."""


def is_private(address: str) -> bool:
    """Whether an address, or the IPv4 address that it carries inside, is anything but a public host's."""
    parsed = ip_address(address.partition("%")[0])
    inner = _carried(parsed) if isinstance(parsed, IPv6Address) else None
    return any(not each.is_global or each.is_multicast for each in (parsed, inner) if each is not None)


def literal(host: str) -> str | None:
    """The address that a host is without any look-up: numbers in every spelling, and the names of this machine."""
    plain = host.rstrip(".").lower()
    if plain == "localhost" or plain.endswith(".localhost"):
        return "127.0.0.1"
    if ":" in plain:
        return plain
    try:
        return socket.inet_ntoa(socket.inet_aton(plain)) if set(plain) <= set("0123456789abcdefx.") else None
    except OSError:
        return None


async def resolved(host: str, port: int, seconds: float = LOOKUP_SECONDS) -> list[str]:
    """Every address of a host. Raises ``AddressRefused`` where it has none."""
    try:
        async with asyncio.timeout(seconds):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError):
        raise AddressRefused(f"The host {host} is unknown: its name has no address.") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def reachable(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Every address of a host, if we may connect to each of them. Raises ``AddressRefused``."""
    addresses = await resolved(host, port)
    for address in addresses:
        require_public(host, address, allow_private=allow_private)
    return addresses


def require_public(host: str, address: str, *, allow_private: bool) -> None:
    """Refuse an address in a private network, unless these are allowed. Raises ``AddressRefused``."""
    if not allow_private and is_private(address):
        raise AddressRefused(
            f"The host {host} lies in a private network, which this installation does not connect to. "
            "The operator can allow it."
        )


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
