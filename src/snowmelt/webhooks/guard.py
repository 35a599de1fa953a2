"""Where messages may go: public addresses only, judged after the name was looked up and for that connection."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import httpcore

from snowmelt.errors import SnowmeltError

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class ForbiddenUrl(SnowmeltError):
    """A URL that nothing is posted to."""

    code = "forbidden_url"


class ForbiddenAddress(Exception):
    """A name that leads to addresses that nothing is posted to."""


def check_url(url: str, allow_private: bool) -> None:
    """Judge the URL of an endpoint by its text.

    Args:
        url: of the endpoint.
        allow_private: whether plain HTTP and addresses that are not public are allowed.

    Raises:
        ForbiddenUrl: it is no URL, or not one that is posted to.

    >>> check_url("https://hooks.example.com/in", allow_private=False)
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ForbiddenUrl(f"this is no URL: {error}") from None
    if not url.isascii() or not url.isprintable() or " " in url or not host:
        raise ForbiddenUrl("this is no URL: write https://host/path, in ASCII")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenUrl("the URL holds a user name or a password, which are not sent: leave them out")
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_private):
        raise ForbiddenUrl(
            "the URL must begin with https://; with the setting webhooks.allow_private it may begin with http://"
        )
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return
    if not allow_private and not is_public(address):
        raise ForbiddenUrl(f"{host} is no public address; the setting webhooks.allow_private allows it")


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one of the public internet, also if it wraps another.

    >>> [is_public(ipaddress.ip_address(one)) for one in ("1.1.1.1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1")]
    [True, False, False, False]
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return is_public(inner)
    return address.is_global and not address.is_multicast


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to public addresses only.

    It looks the name up itself and connects to the address that it has judged: a name that leads elsewhere a moment
    later gains nothing.

    Args:
        allow_private: judge nothing.
    """

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to one of the public addresses of a host."""
        error: Exception | None = None
        for address in await self._addresses(host, port):
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
        raise error or httpcore.ConnectError("the name has no address")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise ForbiddenAddress("a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"the name cannot be looked up: {error.strerror}") from error
        addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
        allowed = [one for one in addresses if self._allow_private or is_public(ipaddress.ip_address(one))]
        if not allowed:
            raise ForbiddenAddress(f"the name leads to no public address: {', '.join(addresses)}")
        return allowed
