"""Errors of bytes or text that are not what an event, a schema URI or an event line should be.

The tree::

    EventError
    ├── SchemaUriError    a schema URI that does not name a schema
    └── LineError         a TSV or JSON line that is not an enriched event; names the column
"""

from typing import ClassVar, Literal

from snowmelt.errors import SnowmeltError

SchemaUriWord = Literal["INVALID_IGLUURI", "INVALID_SCHEMAVER"]


class EventError(SnowmeltError):
    """Something that should have been (part of) an event is not."""

    code: ClassVar[str] = "event"


class SchemaUriError(EventError):
    """A schema URI is malformed.

    Args:
        uri: the text as found.
        word: the word failed events use: ``INVALID_SCHEMAVER`` if only the version is wrong.
    """

    code: ClassVar[str] = "schema_uri"

    def __init__(self, uri: str, word: SchemaUriWord) -> None:
        wrong = "version" if word == "INVALID_SCHEMAVER" else "URI"
        super().__init__(
            f"{uri[:200]!r} has an invalid schema {wrong} ({word}); "
            "write iglu:<vendor>/<name>/<format>/<model>-<revision>-<addition>, with a model of 1 or more"
        )
        self.uri = uri
        self.word = word


class LineError(EventError):
    """A line is not an enriched event.

    Args:
        message: what is wrong and what was expected.
        column: the column at fault; ``None`` when the line as a whole is wrong.
    """

    code: ClassVar[str] = "event_line"

    def __init__(self, message: str, column: str | None = None) -> None:
        super().__init__(f"column {column}: {message}" if column else message)
        self.column = column
