"""A line from elsewhere that is no event, as the event log keeps it."""

import msgspec


class UnreadableLine(msgspec.Struct, frozen=True, array_like=True):
    """What was read, from where, and why it is no event.

    Args:
        place: where it was, such as ``archive.tsv:17`` or ``enriched/3@1042``.
        reason: what is wrong with it.
        line: its bytes, without the line end.
    """

    place: str
    reason: str
    line: bytes


encode_unreadable = msgspec.msgpack.Encoder().encode
decode_unreadable = msgspec.msgpack.Decoder(list[UnreadableLine]).decode
