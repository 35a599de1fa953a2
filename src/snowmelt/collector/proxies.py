"""Who the client is, if only some may say so for it."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

FORWARDING_HEADERS = frozenset({"x-forwarded-for", "forwarded"})


class TrustedProxies:
    """Finds the client's address in what trusted proxies say.

    Each proxy appends the address that it was called from. So the list is read from its end, and the client is the
    first one that is not a trusted proxy: what stands before it, the client may have written itself.

    Args:
        networks: addresses or networks of the proxies.

    >>> proxies = TrustedProxies(["10.0.0.0/8"])
    >>> proxies.client("10.0.0.1", [("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.7")])
    '203.0.113.9'
    >>> proxies.client("203.0.113.9", [("x-forwarded-for", "1.1.1.1")])
    '203.0.113.9'
    """

    def __init__(self, networks: Sequence[object]) -> None:
        self._networks = tuple(ip_network(str(network), strict=False) for network in networks)

    def client(self, peer: str | None, headers: Sequence[tuple[str, str]]) -> str | None:
        """The client's address.

        Args:
            peer: the other end of the connection.
            headers: of the request: (lower-case name, value).
        """
        found = _address(peer or "")
        if found is None or not self._trusts(found):
            return peer
        for hop in reversed(_hops(headers)):
            address = _address(hop)
            if address is None:
                break  # whatever stands before it cannot be told from a lie
            found = address
            if not self._trusts(address):
                break
        return str(found)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _hops(headers: Sequence[tuple[str, str]]) -> list[str]:
    """The addresses that the proxies named; of both headers the one that is more usual."""
    lists = {name: [value for key, value in headers if key == name] for name in FORWARDING_HEADERS}
    if lists["x-forwarded-for"]:
        return ",".join(lists["x-forwarded-for"]).split(",")
    elements = ",".join(lists["forwarded"]).split(",") if lists["forwarded"] else []
    pairs = [[pair.partition("=") for pair in element.split(";")] for element in elements]
    return [
        next((value for name, _, value in element if name.strip().lower() == "for"), "unknown") for element in pairs
    ]


def _address(text: str) -> Address | None:
    """An address without quotes, brackets and port; one of IPv4 in the clothes of IPv6 without those."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def first_forwarded(header: str | None) -> str | None:
    """The first address of an ``X-Forwarded-For`` header, if it begins with one.

    >>> first_forwarded('"[2001:DB8::1]:8080", 10.0.0.1')
    '2001:db8::1'
    """
    if header is None:
        return None
    address = _address(header.partition(",")[0])
    return None if address is None else str(address)
