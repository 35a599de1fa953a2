"""Columns of the referrer's URL."""

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import EnrichmentFailure
from snowmelt.enrichment.url import UrlError, parse_url
from snowmelt.events.canonical import Event


class ReferrerUrl:
    """``refr_url*``; ``page_referrer`` itself stays as sent."""

    name = "referrer_url"

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Fails an event whose referrer cannot even be repaired."""
        text = event.get("page_referrer")
        if text is None:
            return
        try:
            url = parse_url(text)
        except UrlError as error:
            raise EnrichmentFailure("page_referrer", text, f"a URL: {error}") from None
        _, scheme, host, event["refr_urlport"], path, query, fragment = url
        if scheme is not None:
            event["refr_urlscheme"] = scheme
        if host is not None:
            event["refr_urlhost"] = host
        if path is not None:
            event["refr_urlpath"] = path
        if query is not None:
            event["refr_urlquery"] = query
        if fragment is not None:
            event["refr_urlfragment"] = fragment
