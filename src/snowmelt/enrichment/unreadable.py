"""Failed events of lines from elsewhere that are no events."""

from snowmelt.enrichment.failed import ARTIFACT, VERSION
from snowmelt.events.unreadable import UnreadableLine

CATEGORY = "loader_parsing_error"
SCHEMA = f"iglu:com.snowplowanalytics.snowplow.badrows/{CATEGORY}/jsonschema/2-0-0"


def reason_of(line: UnreadableLine) -> str:
    """Where it was and what is wrong, in one line."""
    return f"{line.place}: {line.reason}"


def failed_row(line: UnreadableLine) -> dict[str, object]:
    """The failed event as a self-describing JSON.

    >>> failed_row(UnreadableLine("events.tsv:3", "has 2 columns", b"a"))["data"]["payload"]
    'a'
    """
    errors = [{"type": "UnhandledRowDecodingError", "message": reason_of(line)}]
    return {
        "schema": SCHEMA,
        "data": {
            "processor": {"artifact": ARTIFACT, "version": VERSION},
            "failure": {"type": "RowDecodingError", "errors": errors},
            "payload": line.line.decode("utf-8", "replace"),
        },
    }
