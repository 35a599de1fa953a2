"""Column names of self-describing data in the JSON form of an event."""

import re
from functools import lru_cache

from snowmelt.events.schema_key import SchemaKey

_CAMEL = re.compile(r"([^A-Z_])([A-Z])")


@lru_cache(maxsize=4096)
def _suffix(vendor: str, name: str, major: int) -> str:
    vendor = vendor.replace(".", "_").replace("-", "_").lower()
    name = _CAMEL.sub(r"\1_\2", name.replace(".", "_").replace("-", "_")).lower()
    return f"{vendor}_{name}_{major}"


def event_column(vendor: str, name: str, major: int) -> str:
    """The key that holds the data of a self-describing event.

    Args:
        vendor: as in the schema.
        name: as in the schema.
        major: first number of the schema's version.

    >>> event_column("com.acme", "linkClick", 1)
    'unstruct_event_com_acme_link_click_1'
    """
    return f"unstruct_event_{_suffix(vendor, name, major)}"


def entity_column(vendor: str, name: str, major: int) -> str:
    """The key that holds the list of all entities of one schema model.

    >>> entity_column("com.my-shop", "iOSContext", 2)
    'contexts_com_my_shop_i_oscontext_2'
    """
    return f"contexts_{_suffix(vendor, name, major)}"


@lru_cache(maxsize=4096)
def event_column_of(uri: str) -> str:
    """``event_column`` of a schema URI; raises ``SchemaUriError`` if it is malformed."""
    key = SchemaKey.parse(uri)
    return event_column(key.vendor, key.name, key.major)


@lru_cache(maxsize=4096)
def entity_column_of(uri: str) -> str:
    """``entity_column`` of a schema URI; raises ``SchemaUriError`` if it is malformed."""
    key = SchemaKey.parse(uri)
    return entity_column(key.vendor, key.name, key.major)
