"""Server-Sent Events as bytes."""

import random
from typing import Final

from snowmelt.definitions.wire import targeted
from snowmelt.stores.outbox import Delivery, Target

HEADERS: Final = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"access-control-allow-origin", b"*"),
    # Some proxies gather an answer before they pass it on, unless they are told.
    (b"x-accel-buffering", b"no"),
)
RETRY_MS: Final = (100, 1_000)
"""How long a subscriber waits before it comes back: each another while, or all would come at once after a restart."""


def event_id(place: int) -> bytes:
    """The id under which a subscriber says how far it has come.

    >>> event_id(255), place_of("00000000000000ff"), place_of("something else")
    (b'00000000000000ff', 255, None)
    """
    return b"%016x" % place


def place_of(text: str) -> int | None:
    """The place that an id stands for, None if it is none of this server's."""
    if len(text) != 16 or not text.isascii() or not text.isalnum():
        return None
    try:
        return int(text, 16)
    except ValueError:
        return None


def greeting(place: int) -> bytes:
    """What a subscriber gets at once. The id alone lets it come back even if it is cut before the first event."""
    return b": connected\n\nretry: %d\nid: %b\n\n" % (random.randint(*RETRY_MS), event_id(place))


def heartbeat(place: int) -> bytes:
    """What a subscriber gets when there is nothing else: a comment, and how far it has come."""
    return b": keepalive\nid: %b\n\n" % event_id(place)


def event(delivery: Delivery, target: Target) -> bytes:
    """A delivery to one target."""
    return b"id: %b\ndata: %b\n\n" % (event_id(delivery.place), targeted(delivery.payload, *target))
