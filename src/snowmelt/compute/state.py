"""The stored form of a profile: the states of one group's attributes for one key value."""

from collections.abc import Sequence
from typing import Any

import msgspec

from snowmelt.compute.aggregations.base import Aggregation

VERSION = 2
"""The first member of every stored profile.

A new layout of some aggregation's state takes the next number, and its class or scope says in ``upgraded`` what
becomes of states of earlier versions. 1: the first. 2: in a period ``last``, ``unique_list`` and
``time_since_last`` keep one state instead of one for each tile.
"""

CHANGED = 0
"""Stands in the version's place of a profile in memory that was changed since it was stored.

A mark in the profile itself costs nothing to look at, unlike a set of the keys of those that were changed.
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


def empty(width: int) -> list[Any]:
    """A profile in which nothing has happened yet.

    >>> empty(2)
    [2, None, None]
    """
    return [VERSION, *[None] * width]


def encode(profile: list[Any]) -> bytes:
    """The bytes to store; from here on the profile counts as unchanged.

    Integers below -2**63 or from 2**64 on, which the format cannot hold, become doubles first, in ``profile``
    itself too, so that memory and store agree.
    """
    profile[0] = VERSION
    try:
        return _encode(profile)
    except OverflowError:
        profile[:] = [_narrowed(state) for state in profile]
        return _encode(profile)


def decode(stored: bytes | memoryview, keeps: Sequence[Aggregation] | None = None) -> list[Any]:
    """The profile that was stored; one that an earlier release stored as this release keeps it.

    Args:
        stored: the bytes.
        keeps: what keeps each of the states; without it only profiles of this version can be read.

    Raises:
        ValueError: if the bytes were written by a newer release, or are no profile.
    """
    try:
        profile = _decode(stored)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a stored profile: {error}") from error
    version = profile[0] if profile else None
    if version == VERSION:
        return profile
    if keeps is None or version.__class__ is not int or not 0 < version < VERSION:
        raise ValueError(
            f"a profile of state version {version!r} was found, this release reads up to version {VERSION}: run the "
            "release that wrote it, or a newer one"
        )
    return [
        VERSION,
        *(
            None if kept is None else aggregation.upgraded(kept, version)
            for kept, aggregation in zip(profile[1:], keeps, strict=True)
        ),
    ]


def is_over(stored: bytes | memoryview, keeps: Sequence[Aggregation], now: int) -> bool:
    """Whether no read from ``now`` on (ms since the epoch) sees anything of a stored profile.

    What cannot be decoded is not for us to judge.
    """
    try:
        kept = decode(stored, keeps)[1:]
    except ValueError:
        return False
    return all(one is None or by.is_over(one, now) for one, by in zip(kept, keeps, strict=True))


def narrowed(number: int) -> int | float:
    """An integer that can be stored: as it is, or a double if it is below -2**63 or from 2**64 on.

    >>> narrowed(2**63), narrowed(2**64)
    (9223372036854775808, 1.8446744073709552e+19)
    """
    if -(2**63) <= number < 2**64:
        return number
    return float(number) if abs(number) < 2**1000 else float("inf") * (1 if number > 0 else -1)


def _narrowed(state: Any) -> Any:
    if isinstance(state, list):
        return [_narrowed(item) for item in state]
    if isinstance(state, dict):
        return {key: _narrowed(item) for key, item in state.items()}
    return narrowed(state) if isinstance(state, int) else state
