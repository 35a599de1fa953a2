"""Who followed a link from another site: the ``_sp`` parameter of the page's URL."""

from snowmelt.enrichment.base64_text import decode_base64
from snowmelt.enrichment.converters import ConversionError, to_text, to_timestamp
from snowmelt.enrichment.querystring import parse_pairs
from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import EnrichmentFailure, add_entity
from snowmelt.events.canonical import Event
from snowmelt.events.timestamp import format_iso

CROSS_NAVIGATION = "iglu:com.snowplowanalytics.snowplow/cross_navigation/jsonschema/1-0-0"
_PARTS = 7


class CrossNavigation:
    """``refr_domain_userid`` and ``refr_dvce_tstamp``.

    Args:
        entity: whether to attach all seven parts as an entity too.
    """

    name = "cross_navigation"

    def __init__(self, entity: bool = False) -> None:
        self._entity = entity

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Fails an event whose link carries a time that is none."""
        query_text = event.get("page_urlquery")
        if query_text is None or "_sp" not in query_text:
            return
        link = dict(parse_pairs(query_text)).get("_sp")
        parts = link.split(".") if link else []
        if not parts or len(parts) > _PARTS:
            return
        user, time, session, user_id, source_id, platform, reason = parts + [""] * (_PARTS - len(parts))
        domain_user_id = to_text(user)
        if domain_user_id is not None:
            event["refr_domain_userid"] = domain_user_id
        if not time:
            return
        try:
            followed = to_timestamp(time)
        except ConversionError as error:
            raise EnrichmentFailure("sp_dtm", time, str(error)) from None
        event["refr_dvce_tstamp"] = followed
        if self._entity and domain_user_id is not None:
            data = {
                "domain_user_id": domain_user_id,
                "timestamp": format_iso(followed),
                "session_id": session or None,
                "user_id": _decoded(user_id),
                "source_id": _decoded(source_id),
                "source_platform": platform or None,
                "reason": _decoded(reason),
            }
            add_entity(event, CROSS_NAVIGATION, data)


def _decoded(part: str) -> str | None:
    text = decode_base64(part)
    return text if text.strip() else None
