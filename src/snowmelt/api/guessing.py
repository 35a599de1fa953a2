"""Whoever tries tokens until one fits is slowed down, by address."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

from snowmelt.api.asgi import Scope
from snowmelt.collector.proxies import FORWARDING_HEADERS, TrustedProxies

GUESSES: Final = 30
"""Unknown tokens that an address may send in a window; a client with a stale one stops long before."""
WINDOW_S: Final = 60.0
MAX_ADDRESSES: Final = 10_000
"""Addresses that are remembered; with more, those go that were heard of longest ago."""
SITE_BITS: Final = 64
"""Of an IPv6 address: what is behind it belongs to one network, whose host parts cost nothing."""

_FORWARDING: Final = frozenset(name.encode() for name in FORWARDING_HEADERS)


class Guessing:
    """Counts unknown tokens by address, for one web process.

    Nothing is counted for this machine's own addresses: who is on it has better ways, and behind a proxy that was not
    named they stand for everybody.

    Args:
        trusted: proxies, as addresses or networks; what they say of the client's address is believed.
        clock: seconds.

    >>> guessing = Guessing([], lambda: 0.0)
    >>> stranger = {"client": ("203.0.113.9", 1), "headers": []}
    >>> for _ in range(GUESSES):
    ...     guessing.note(stranger)
    >>> guessing.wait(stranger), guessing.wait({"client": ("203.0.113.10", 1), "headers": []})
    (60, None)
    """

    def __init__(self, trusted: Sequence[object] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._proxies = TrustedProxies(trusted)
        self._clock = clock
        self._counted: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counted)

    def note(self, scope: Scope) -> None:
        """Count an unknown token.

        Args:
            scope: of the request that brought it.
        """
        address = self._address(scope)
        if address is None:
            return
        now = self._clock()
        began, count = self._counted.get(address, (now, 0))
        if now - began >= WINDOW_S:
            began, count = now, 0
        self._counted[address] = began, count + 1
        self._counted.move_to_end(address)
        if len(self._counted) > MAX_ADDRESSES:
            self._counted.popitem(last=False)

    def wait(self, scope: Scope) -> int | None:
        """How many seconds the sender of a request must wait before a token is looked at, None if it need not.

        Args:
            scope: of the request.
        """
        if not self._counted:  # as it is nearly always
            return None
        address = self._address(scope)
        began, count = self._counted.get(address or "", (0.0, 0))
        left = began + WINDOW_S - self._clock()
        return max(1, round(left)) if count >= GUESSES and left > 0 else None

    def _address(self, scope: Scope) -> str | None:
        """Of the sender, as far as it is known for sure; None for this machine."""
        peer = scope.get("client")
        if not peer:
            return None
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"] if name in _FORWARDING
        ]
        try:
            address = ip_address(self._proxies.client(peer[0], headers) or "")
        except ValueError:
            return None
        if isinstance(address, IPv6Address):
            if address.ipv4_mapped is not None:
                address = address.ipv4_mapped
            elif not address.is_loopback:
                return str(IPv6Network((address, SITE_BITS), strict=False))
        return None if address.is_loopback else str(address)
