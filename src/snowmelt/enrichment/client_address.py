"""The client's address: what a proxy says in its headers, else what the collector saw."""

import re
from collections.abc import Sequence

_ADDRESS = r'"?\[?((?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[.:]|\b[0-9a-fA-F]{1,4}\b){1,15})'
_HEADERS = (
    ("x-forwarded-for", re.compile(_ADDRESS)),
    ("forwarded", re.compile(f"[Ff][Oo][Rr]={_ADDRESS}")),
)
_END = re.compile(r"[,| ]")


def client_address(headers: Sequence[str], recorded: str | None) -> str | None:
    """The address in ``X-Forwarded-For``, else in ``Forwarded``, else the recorded one.

    Ports, brackets, quotes and further proxies are dropped; a header that does not begin with an address
    is passed over.

    Args:
        headers: ``Name: value`` lines.
        recorded: what the collector took for the address.

    >>> client_address(["x-forwarded-for: 1.1.1.1:8080, 10.0.0.1"], "127.0.0.1")
    '1.1.1.1'
    """
    named = [
        (name.strip().lower(), value.strip())
        for name, colon, value in (header.partition(":") for header in headers)
        if colon
    ]
    for wanted, pattern in _HEADERS:
        for name, value in named:
            if name == wanted and (match := pattern.match(value)) is not None:
                return match[1].lower()
    return first_address(recorded) if recorded else None


def first_address(text: str) -> str:
    """The text up to the first comma, bar or space.

    >>> first_address("2001:db8::1|x")
    '2001:db8::1'
    """
    return _END.split(text, maxsplit=1)[0]
