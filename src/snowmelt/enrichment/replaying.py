"""From a failed event back to a request that brings it, so that it can be tried again."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from snowmelt.enrichment.failed import FailedEvent
from snowmelt.enrichment.pipeline import Enricher, Outcome
from snowmelt.errors import SnowmeltError
from snowmelt.events.payload import CollectorPayload, Replay
from snowmelt.events.timestamp import parse_timestamp
from snowmelt.stores.failed_events import Failed

_PIXEL = "/i"
"""Takes any parameters, and changes none."""

_read_payload = msgspec.json.Decoder(CollectorPayload).decode


class NotReplayable(SnowmeltError):
    """A failed event does not hold what would be needed to try it again."""

    code: ClassVar[str] = "not_replayable"


def replay_of(failed: Failed, asked: int) -> Replay:
    """What goes into the event log to have a failed event tried again.

    One event comes back with the parameters that it had and the id that it was given, a whole request as it was: with
    its time of arrival, headers and address.

    Args:
        failed: from the store.
        asked: when somebody asked for it, milliseconds since the epoch.

    Raises:
        NotReplayable: its payload was cut, or comes from elsewhere.
    """
    try:
        payload, only = _payload(failed)
    except (LookupError, AttributeError, TypeError, ValueError, Base64Error, msgspec.MsgspecError) as error:
        raise NotReplayable(
            f"the failed event {failed.sequence} {failed.item} ({failed.category}) cannot be tried again: "
            f"its payload is no request ({error})"
        ) from None
    return Replay(sequence=failed.sequence, item=failed.item, only=only, payload=payload, asked=asked)


def outcomes_of(replay: Replay, enricher: Enricher, now_ms: int) -> list[Outcome]:
    """What becomes of a failed event when it is tried again: one outcome, or several of a whole request.

    It is judged by the schemas that there are once it was asked for: whoever adds one and then asks need not wait.

    Args:
        replay: from :func:`replay_of`.
        enricher: makes events of payloads.
        now_ms: the present, milliseconds since the epoch.

    Raises:
        SchemasUnavailable: ask again later.
    """
    enricher.look_anew(replay.asked)
    outcomes = enricher.enrich(replay.payload, now_ms)
    return outcomes if replay.only is None else outcomes[replay.only : replay.only + 1]


def failed_again(outcomes: Sequence[Outcome]) -> FailedEvent | None:
    """The failure, if a failed event that was tried again is still one and nothing else."""
    only = outcomes[0] if len(outcomes) == 1 else None
    return only if isinstance(only, FailedEvent) else None


def _payload(failed: Failed) -> tuple[CollectorPayload, int | None]:
    data: Any = failed.row["data"]
    payload = data["payload"]
    if failed.category in ("size_violation", "loader_parsing_error"):
        raise ValueError("only a piece of text was kept")
    if isinstance(payload, str):
        return _read_payload(b64decode(payload, validate=True)), None if failed.whole else failed.item
    if "raw" in payload:
        return _event(payload["raw"], payload["enriched"].get("event_id")), None
    body = payload["body"]
    request = _request(
        payload,
        path=f"/{payload['vendor']}/{payload['version']}",
        parameters=payload["querystring"],
        body=None if body is None else body.encode(),
        network_userid=payload["networkUserId"],
        collector=payload["collector"],
    )
    return request, None


def _event(raw: dict[str, Any], event_id: str | None) -> CollectorPayload:
    parameters: list[dict[str, Any]] = raw["parameters"]
    if event_id is not None and not any(one["name"] == "eid" and one["value"] for one in parameters):
        # It had none of its own: with another one than before it could count again.
        parameters = [one for one in parameters if one["name"] != "eid"] + [{"name": "eid", "value": event_id}]
    return _request(
        raw,
        path=_PIXEL,
        parameters=parameters,
        body=None,
        network_userid=raw["userId"],
        collector=raw["loaderName"],
    )


def _request(
    part: dict[str, Any],
    *,
    path: str,
    parameters: Sequence[dict[str, Any]],
    body: bytes | None,
    network_userid: str | None,
    collector: str,
) -> CollectorPayload:
    return CollectorPayload(
        timestamp=parse_timestamp(part["timestamp"]),
        path=path,
        querystring="&".join(_written(one["name"], one["value"]) for one in parameters),
        body=body,
        content_type=part["contentType"],
        headers=part["headers"],
        hostname=part["hostname"],
        ip_address=part["ipAddress"],
        user_agent=part["useragent"],
        referer=part["refererUri"],
        network_userid=network_userid,
        collector=collector,
        encoding=part["encoding"],
    )


def _written(name: str, value: str | None) -> str:
    written = quote(name, safe="", errors="replace")
    return written if value is None else f"{written}={quote(value, safe='', errors='replace')}"
