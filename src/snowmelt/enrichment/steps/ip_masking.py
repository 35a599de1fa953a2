"""Addresses without their last part."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.events.canonical import Event

_MAPPED = re.compile(r"(::[fF]{4}:)([0-9.]+)")


class IpMasking:
    """``user_ipaddress`` with its last groups replaced by ``x``.

    Args:
        octets: of the four numbers of IPv4.
        segments: of the eight groups of IPv6.
    """

    name = "anon_ip"

    def __init__(self, octets: int = 1, segments: int | None = None) -> None:
        self._octets, self._segments = octets, octets if segments is None else segments

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Never fails; a text that is no address loses groups at its dots, or else at its colons."""
        address = event.get("user_ipaddress")
        if address is not None:
            event["user_ipaddress"] = self.masked(address)

    def masked(self, address: str) -> str:
        """The address without its last groups.

        >>> IpMasking(1).masked("94.15.213.171"), IpMasking(1, 3).masked("::1")
        ('94.15.213.x', '0:0:0:0:0:x:x:x')
        """
        mapped = _MAPPED.fullmatch(address)
        if mapped is not None and _is_ipv4(mapped[2]):
            return mapped[1] + _without_last(mapped[2], ".", self._octets)
        if not _is_ipv4(address):
            try:
                groups = IPv6Address(address).exploded.partition("%")[0].split(":")
            except AddressValueError:
                pass
            else:
                return _without_last(":".join(f"{int(group, 16):x}" for group in groups), ":", self._segments)
        if "." in address or not address:
            return _without_last(address, ".", self._octets)
        if ":" in address:
            return _without_last(address, ":", self._segments)
        return address


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _without_last(text: str, separator: str, count: int) -> str:
    groups = text.split(separator)
    kept = max(len(groups) - count, 0)
    return separator.join([*groups[:kept], *["x"] * (len(groups) - kept)])
