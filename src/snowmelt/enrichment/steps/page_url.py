"""Columns of the page's URL."""

from snowmelt.enrichment.converters import to_text
from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import EnrichmentFailure
from snowmelt.enrichment.url import UrlError, parse_url
from snowmelt.events.canonical import Event


class PageUrl:
    """``page_url`` as parsed, and ``page_url*``; the ``Referer`` header stands in for a missing URL."""

    name = "page_url"

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Fails an event whose URL cannot even be repaired."""
        text = event.get("page_url") or (to_text(raw.payload.referer) if raw.payload.referer else None)
        if text is None:
            return
        try:
            url = parse_url(text)
        except UrlError as error:
            raise EnrichmentFailure("page_url", text, f"a URL: {error}") from None
        event["page_url"], scheme, host, event["page_urlport"], path, query, fragment = url
        if scheme is not None:
            event["page_urlscheme"] = scheme
        if host is not None:
            event["page_urlhost"] = host
        if path is not None:
            event["page_urlpath"] = path
        if query is not None:
            event["page_urlquery"] = query
        if fragment is not None:
            event["page_urlfragment"] = fragment
