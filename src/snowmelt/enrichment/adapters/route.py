"""From a recorded path to the adapter that reads the request."""

import re
from functools import lru_cache

from snowmelt.enrichment.adapters.adapter import Adapter, AdapterFailure, PayloadFormatFailure, expected
from snowmelt.enrichment.adapters.iglu_webhook import IgluWebhook
from snowmelt.enrichment.adapters.pixel import Pixel
from snowmelt.enrichment.adapters.redirect import Redirect
from snowmelt.enrichment.adapters.tp2 import TrackerProtocol2
from snowmelt.enrichment.validation import SchemaValidator

Route = tuple[str, str]
"""Vendor and version."""

_PATH = re.compile(r"/?([^/]+)/([^/]+)/?")
_PIXEL = re.compile(r"/i(?:\?.*)?|/ice\.png.*", re.DOTALL)


@lru_cache(maxsize=256)
def route(path: str) -> Route:
    """The vendor and version that a path stands for.

    >>> route("/com.snowplowanalytics.snowplow/tp2"), route("/i")
    (('com.snowplowanalytics.snowplow', 'tp2'), ('com.snowplowanalytics.snowplow', 'tp1'))

    Raises:
        PayloadFormatFailure: neither the pixel nor two segments.
    """
    if _PIXEL.fullmatch(path) is not None:
        return "com.snowplowanalytics.snowplow", "tp1"
    match = _PATH.fullmatch(path)
    if match is None:
        raise PayloadFormatFailure("path", path, "/<vendor>/<version>, or /i or /ice.png")
    return match[1], match[2]


class Adapters:
    """The adapters by what they read.

    Args:
        validator: for those that must judge what they read.

    A further adapter is a file beside this one and a row here.
    """

    def __init__(self, validator: SchemaValidator) -> None:
        self._by_route: dict[Route, Adapter] = {
            ("com.snowplowanalytics.snowplow", "tp2"): TrackerProtocol2(validator),
            ("com.snowplowanalytics.snowplow", "tp1"): Pixel(),
            ("r", "tp2"): Redirect(),
            ("com.snowplowanalytics.iglu", "v1"): IgluWebhook(),
        }

    def choose(self, vendor: str, version: str) -> Adapter:
        """The adapter of this vendor and version.

        Raises:
            AdapterFailure: there is none.
        """
        adapter = self._by_route.get((vendor, version))
        if adapter is None:
            wanted = "one of " + ", ".join("/".join(known) for known in self._by_route)
            raise AdapterFailure(expected("vendor/version", f"{vendor}/{version}", wanted))
        return adapter
