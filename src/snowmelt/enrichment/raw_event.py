"""One event as its adapter split it from a request, before any parameter was read."""

import msgspec

from snowmelt.enrichment.parameters import Parameters
from snowmelt.events.payload import CollectorPayload


class RawEvent(msgspec.Struct, gc=False):
    """The parameters of one event and the request that brought it.

    Args:
        vendor: of the adapter that read it, as in the request's path.
        version: of that adapter.
        parameters: as decoded text; those of the query string already laid over those of the body.
        payload: the request.
    """

    vendor: str
    version: str
    parameters: Parameters
    payload: CollectorPayload
