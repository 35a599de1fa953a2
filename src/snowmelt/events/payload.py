"""What the collector records of one HTTP request, before anything is read from it, or of one that is too large."""

import msgspec


class CollectorPayload(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One tracker request as it arrived: the unit that is written to the event log and acknowledged.

    Args:
        timestamp: when the request arrived, milliseconds since the epoch; becomes ``collector_tstamp``.
        path: the request path after path mapping, for example ``/com.snowplowanalytics.snowplow/tp2``.
        querystring: raw and undecoded, without the ``?``; empty if there is none.
        body: the POST body; an empty body is ``b""``, a GET has ``None``.
        content_type: of a POST, lower-cased; ``None`` for a GET or when the header is absent.
        headers: ``Name: value`` lines in request order, after the privacy rules were applied.
        hostname: the host the client addressed, without a port.
        ip_address: the client's address, or ``unknown`` for an anonymous request.
        user_agent: the ``User-Agent`` header.
        referer: the ``Referer`` header; stands in for a missing page URL.
        network_userid: value of the collector's cookie (or what replaces it).
        collector: name and version of the collector; becomes ``v_collector``.
        encoding: of the body.
        request_id: under which the web process has logged and answered the request.
        traceparent: the span of the request, as the W3C header of that name; ``None`` if it is not traced.

    New members go at the end with a default, so that a log written by an older release stays readable.
    """

    timestamp: int
    path: str
    querystring: str = ""
    body: bytes | None = None
    content_type: str | None = None
    headers: list[str] = []
    hostname: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    referer: str | None = None
    network_userid: str | None = None
    collector: str = ""
    encoding: str = "UTF-8"
    request_id: str | None = None
    traceparent: str | None = None


class SizeViolation(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What is left of a request, or of one event of it, that was too large to be recorded.

    Args:
        timestamp: when the request arrived, milliseconds since the epoch.
        maximum: bytes that were allowed.
        actual: bytes that it had.
        expectation: what should have been.
        beginning: the first part of its text.
    """

    timestamp: int
    maximum: int
    actual: int
    expectation: str
    beginning: str


class Replay(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A failed event that is to be tried again.

    Args:
        sequence: place in the event log of the payload that it came from.
        item: which outcome of that payload it was, from 0.
        only: if the payload holds more than this event: which of its outcomes is meant.
        payload: a request that brings the event.
        asked: when somebody asked for it, milliseconds since the epoch: what was known of schemas earlier may be out of
            date. The same for all that are asked for together; 0 in a log of an older release.
    """

    sequence: int
    item: int
    only: int | None
    payload: CollectorPayload
    asked: int = 0
