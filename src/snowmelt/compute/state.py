"""The stored form of a profile: the states of one group's attributes for one key value."""

from typing import Any

import msgspec

VERSION = 1
"""The first member of every stored profile. A new layout takes the next number and a branch in :func:`decode`."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


def empty(width: int) -> list[Any]:
    """A profile in which nothing has happened yet.

    >>> empty(2)
    [1, None, None]
    """
    return [VERSION, *[None] * width]


def encode(profile: list[Any]) -> bytes:
    """The bytes to store.

    Integers beyond 64 bits, which the format cannot hold, become doubles first, in ``profile`` itself too, so
    that memory and store agree.
    """
    try:
        return _encode(profile)
    except OverflowError:
        profile[:] = [_narrowed(state) for state in profile]
        return _encode(profile)


def decode(stored: bytes | memoryview) -> list[Any]:
    """The profile that was stored.

    Raises:
        ValueError: if the bytes were written by a newer release, or are no profile.
    """
    try:
        profile = _decode(stored)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a stored profile: {error}") from error
    if not profile or profile[0] != VERSION:
        raise ValueError(
            f"a profile of state version {profile[0] if profile else None!r} was found, this release reads up to "
            f"version {VERSION}: run the release that wrote it, or a newer one"
        )
    return profile


def _narrowed(state: Any) -> Any:
    if isinstance(state, list):
        return [_narrowed(item) for item in state]
    if isinstance(state, dict):
        return {key: _narrowed(item) for key, item in state.items()}
    if isinstance(state, int) and not -(2**63) <= state < 2**63:
        return float(state) if abs(state) < 2**1000 else float("inf") * (1 if state > 0 else -1)
    return state
