"""A request that is too large for one record, as several records that are not."""

from collections.abc import Iterator
from typing import Any

import msgspec

from snowmelt.events.canonical import is_self_describing
from snowmelt.events.json_text import NotJsonError, dump_json, parse_json
from snowmelt.events.payload import CollectorPayload, SizeViolation

Record = CollectorPayload | SizeViolation

_SHOWN_PART = 10
_encode = msgspec.msgpack.Encoder().encode


class SizeLimits(msgspec.Struct, frozen=True):
    """How large what is recorded may be, in bytes as it is written to the event log.

    Args:
        payload: a larger request is recorded as too large as a whole.
        record: a request of this size or more is split between its events.
    """

    payload: int
    record: int

    def records(self, payload: CollectorPayload) -> list[tuple[Record, bytes]]:
        """What to record of a request, each with its bytes; every event of it is in exactly one.

        >>> [(found, _)] = SizeLimits(payload=2_000, record=1_000).records(CollectorPayload(timestamp=0, path="/i"))
        >>> found.path
        '/i'
        """
        encoded = _encode(payload)
        if len(encoded) < self.record and len(encoded) <= self.payload:
            return [(payload, encoded)]
        if len(encoded) > self.payload:
            found: list[Record] = [self._too_large(payload, self.payload, len(encoded), "a request that is no larger")]
        else:
            found = list(self._split(payload, len(encoded)))
        return [(record, _encode(record)) for record in found]

    def _split(self, payload: CollectorPayload, size: int) -> Iterator[Record]:
        try:
            envelope = _envelope(payload)
        except ValueError as error:
            yield self._too_large(payload, self.record, size, f"oversized collector payload: {error}")
            return
        # What the array itself takes is counted with its events, each of which costs a comma more than its text.
        overhead = len(_encode(_with_events(payload, envelope, []))) + len(b"00000")
        budget = self.record - 1 - overhead
        if budget <= 0:
            reason = "oversized collector payload: it would be too large without any event"
            yield self._too_large(payload, self.record, size, reason)
            return
        batch: list[bytes] = []
        filled = 0
        for event in envelope["data"]:
            text = dump_json(event)
            cost = len(text) + 1
            if cost > budget:
                yield SizeViolation(
                    timestamp=payload.timestamp,
                    maximum=self.record,
                    actual=cost + overhead,
                    expectation="oversized collector payload: this event of it is too large by itself",
                    beginning=_beginning(text, self.record),
                )
                continue
            if filled + cost > budget:
                yield _with_events(payload, envelope, batch)
                batch, filled = [], 0
            batch.append(text)
            filled += cost
        if batch or not envelope["data"]:
            yield _with_events(payload, envelope, batch)

    def _too_large(self, payload: CollectorPayload, maximum: int, size: int, expectation: str) -> SizeViolation:
        # A body is bytes, which JSON could only hold as base64.
        rest = msgspec.structs.asdict(msgspec.structs.replace(payload, body=None))
        text = msgspec.json.encode(rest) + b" " + (payload.body or b"")[:maximum]
        return SizeViolation(
            timestamp=payload.timestamp,
            maximum=maximum,
            actual=size,
            expectation=expectation,
            beginning=_beginning(text, maximum),
        )


def _beginning(text: bytes, maximum: int) -> str:
    return text[: 4 * (maximum // _SHOWN_PART)].decode("utf-8", "replace")[: maximum // _SHOWN_PART]


def _envelope(payload: CollectorPayload) -> dict[str, Any]:
    """The body of a request that can be split.

    Raises:
        ValueError: it cannot; says why.
    """
    if payload.body is None:
        raise ValueError("a GET cannot be split")
    try:
        body = parse_json(payload.body)
    except NotJsonError as error:
        raise ValueError(f"the body is not JSON: {error}") from None
    if not is_self_describing(body):
        raise ValueError("the body is not a self-describing JSON")
    if not isinstance(body["data"], list):
        raise ValueError("the body's data is no array")
    return body  # type: ignore[no-any-return]


def _with_events(payload: CollectorPayload, envelope: dict[str, Any], events: list[bytes]) -> CollectorPayload:
    """The same request with some of its events, each given as JSON."""
    data = msgspec.Raw(b"[" + b",".join(events) + b"]")
    body = msgspec.json.encode({"schema": envelope["schema"], "data": data})
    return msgspec.structs.replace(payload, body=body)
