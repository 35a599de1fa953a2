"""The canonical event: one enriched event as a plain dict.

Keys are column names (see ``fields``), and only columns that have a value are present. Values by column type:

=========  ==========================================================================================
string     ``str``, never empty, without tabs and line breaks
uuid       ``str``, in lower case
timestamp  ``int``, milliseconds since the epoch
integer    ``int``
decimal    ``decimal.Decimal``, its digits as the tracker sent them
float      ``float``
flag       ``bool``
json       ``unstruct_event``: one self-describing JSON, ``{"schema": uri, "data": ...}``, of the event
           itself without its wrapper; ``contexts``, ``derived_contexts``: a list of such, in order
=========  ==========================================================================================

A dict and not a class, because most columns are absent from most events and both codecs walk it.
"""

from typing import Any, TypedDict

Event = dict[str, Any]
"""One enriched event; see the module's table for what it holds."""


class SelfDescribing(TypedDict):
    """Data and the URI of the schema that describes it."""

    schema: str
    data: Any


UNSTRUCT_EVENT_WRAPPER = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"
"""Schema of the object that carries a self-describing event in the TSV form."""
CONTEXTS_WRAPPER = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1"
"""Schema of the object that carries the entities in the TSV form."""


def is_self_describing(value: Any) -> bool:
    """Whether a JSON value is an object with the text ``schema`` and a ``data``.

    >>> is_self_describing({"schema": "iglu:com.acme/click/jsonschema/1-0-0", "data": None})
    True
    """
    return isinstance(value, dict) and isinstance(value.get("schema"), str) and "data" in value
