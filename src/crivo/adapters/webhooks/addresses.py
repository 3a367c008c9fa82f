"""Where webhooks may go: public addresses, and the networks that a subscription names.

A name is looked at when it is given and again each time it is resolved, so that one which comes to
lead into the bank's own network leads nowhere.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from socket import AddressFamily
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: NAT64 (RFC 6052): an IPv4 address in IPv6 clothes.
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(OSError):
    """A name leads to an address that its subscription does not allow."""


def allows(address: Address, networks: Sequence[Network]) -> bool:
    """Whether it is a public address, or lies in one of the networks.

    >>> [allows(ipaddress.ip_address(each), []) for each in ("9.9.9.9", "10.0.0.1", "::1")]
    [True, False, False]
    """
    plain = _plain(address)
    if any(plain in network for network in networks if network.version == plain.version):
        return True
    return plain.is_global and not plain.is_multicast


def _plain(address: Address) -> Address:
    """The address that is reached in the end: of one that carries an IPv4 address, that one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        teredo = address.teredo
        inner = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
        return address if inner is None else inner
    return address


def url_fault(url: str, networks: Sequence[Network]) -> str | None:
    """What is expected of the url of a subscription and is not so; None for a good one.

    It is an https address without user, password or fragment; plain http is for this machine alone.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "an https address"
    if not host or parts.scheme not in {"https", "http"} or not url.isprintable() or " " in url:
        return "an https address"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "an address without user, password and fragment"
    literal = _literal(host)
    if parts.scheme == "http" and (literal is None or not literal.is_loopback):
        return "an https address; plain http goes to 127.0.0.1 and ::1 alone"
    if literal is not None and not allows(literal, networks):
        return "a public address, or one of `networks`"
    return None


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


class AllowedResolver(AbstractResolver):
    """Resolves names to allowed addresses; one that leads to any other is refused whole."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks: Final = networks
        self._resolver: Final = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name.

        Raises:
            AddressRefused: one of them is not allowed. OSError: there is none.
        """
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            address = ipaddress.ip_address(each["host"].partition("%")[0])
            if not allows(address, self._networks):
                raise AddressRefused(f"{host} leads to an address that is not allowed")
        return found

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._resolver.close()
