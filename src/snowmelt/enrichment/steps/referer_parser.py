"""Where a visitor came from: medium, source and search term."""

from collections.abc import Collection

from snowmelt.enrichment.converters import to_text
from snowmelt.enrichment.querystring import parse_pairs
from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.referrers import LARGE_SITES, Referrers
from snowmelt.events.canonical import Event

_SCHEMES = frozenset({"http", "https", "android-app"})


class RefererParser:
    """``refr_medium``, ``refr_source`` and ``refr_term``, of what ``ReferrerUrl`` found.

    Args:
        referrers: the sites that are known.
        internal_domains: hosts of one's own, beside that of the page.
    """

    name = "referer_parser"

    def __init__(self, referrers: Referrers | None = None, internal_domains: Collection[str] = ()) -> None:
        self._referrers = referrers or Referrers(LARGE_SITES)
        self._internal = frozenset(domain.lower() for domain in internal_domains)

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Never fails; a site that nobody knows is of the medium ``unknown``."""
        host: str | None = event.get("refr_urlhost")
        if host is None or event.get("refr_urlscheme", "").lower() not in _SCHEMES:
            return
        if host.lower() in self._internal or host.lower() == event.get("page_urlhost", "").lower():
            event["refr_medium"] = "internal"
            return
        found = self._referrers.find(host, event.get("refr_urlpath") or "")
        if found is None:
            event["refr_medium"] = "unknown"
            return
        event["refr_medium"], event["refr_source"] = found.medium, found.source
        if found.parameters and "refr_urlquery" in event:
            for name, value in parse_pairs(event["refr_urlquery"]):
                if name in found.parameters:
                    term = to_text(value) if value else None
                    if term is not None:
                        event["refr_term"] = term
                    break
