"""Schema keys: the four parts of an Iglu URI."""

import re
from functools import lru_cache
from typing import NamedTuple

from snowmelt.events.errors import SchemaUriError

_MAX_PART = 128
_URI = re.compile(r"iglu:([a-zA-Z0-9\-_.]+)/([a-zA-Z0-9\-_]+)/([a-zA-Z0-9\-_]+)/([0-9]*-[0-9]*-[0-9]*)", re.ASCII)
_VERSION = re.compile(r"[1-9][0-9]*-(?:0|[1-9][0-9]*)-(?:0|[1-9][0-9]*)", re.ASCII)


class SchemaKey(NamedTuple):
    """What a self-describing JSON says it is.

    Args:
        vendor: reversed domain of the schema's owner, like name and format at most 128 characters.
        name: of the event or entity.
        format: almost always ``jsonschema``.
        version: ``MODEL-REVISION-ADDITION``.
    """

    vendor: str
    name: str
    format: str
    version: str

    @property
    def major(self) -> int:
        """The model, first part of the version.

        >>> SchemaKey.parse("iglu:com.acme/click/jsonschema/2-0-1").major
        2
        """
        return int(self.version.partition("-")[0])

    @property
    def uri(self) -> str:
        """The Iglu URI: the inverse of ``parse``."""
        return f"iglu:{self.vendor}/{self.name}/{self.format}/{self.version}"

    @staticmethod
    def parse(uri: str) -> "SchemaKey":
        """The key named by a URI; recent answers are remembered.

        >>> SchemaKey.parse("iglu:com.acme/click/jsonschema/1-0-2").name
        'click'

        Raises:
            SchemaUriError: the text is not a URI of one schema.
        """
        return _parse(uri)


@lru_cache(maxsize=4096)
def _parse(uri: str) -> SchemaKey:
    match = _URI.fullmatch(uri)
    if match is None or any(len(part) > _MAX_PART for part in match.groups()[:3]):
        raise SchemaUriError(uri, "INVALID_IGLUURI")
    # A number too long to be one is refused here rather than wherever it would first be converted.
    if _VERSION.fullmatch(match[4]) is None or len(match[4]) > _MAX_PART:
        raise SchemaUriError(uri, "INVALID_SCHEMAVER")
    return SchemaKey(match[1], match[2], match[3], match[4])
