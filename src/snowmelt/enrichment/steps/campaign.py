"""Marketing columns from the parameters of the page's URL."""

from collections.abc import Mapping, Sequence

from snowmelt.enrichment.converters import to_text
from snowmelt.enrichment.querystring import parse_pairs
from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.events.canonical import Event

CAMPAIGN_PARAMETERS: Mapping[str, Sequence[str]] = {
    "mkt_medium": ("utm_medium",),
    "mkt_source": ("utm_source",),
    "mkt_term": ("utm_term",),
    "mkt_content": ("utm_content",),
    "mkt_campaign": ("utm_campaign",),
}
"""The usual parameters by column."""
CLICK_IDS: Mapping[str, str] = {"gclid": "Google", "msclkid": "Microsoft", "dclid": "DoubleClick"}
"""The usual networks by the parameter of their click ids, in the order they are looked for."""


class Campaign:
    """``mkt_*``, from the first parameter of each list that is there, even if it is empty.

    Args:
        parameters: names to look for by column, case-sensitive.
        click_ids: networks by parameter, added to and put in the place of the usual ones.
    """

    name = "campaign"

    def __init__(
        self,
        parameters: Mapping[str, Sequence[str]] = CAMPAIGN_PARAMETERS,
        click_ids: Mapping[str, str] | None = None,
    ) -> None:
        self._parameters = tuple((column, tuple(names)) for column, names in parameters.items())
        self._click_ids = tuple({**CLICK_IDS, **(click_ids or {})}.items())

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Never fails."""
        query_text = event.get("page_urlquery")
        if query_text is None:
            return
        query = dict(parse_pairs(query_text))
        for column, names in self._parameters:
            for name in names:
                if name in query:
                    _put(event, column, query[name])
                    break
        for name, network in self._click_ids:
            if name in query:
                _put(event, "mkt_clickid", query[name])
                event["mkt_network"] = network
                break


def _put(event: Event, column: str, value: str | None) -> None:
    text = to_text(value) if value else None
    if text is not None:
        event[column] = text
