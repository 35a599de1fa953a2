"""The longest text each column may hold."""

from collections.abc import Mapping

from snowmelt.enrichment.validation import Report, report
from snowmelt.events.canonical import Event
from snowmelt.events.fields import FIELDS

LENGTH_LIMITS: Mapping[str, int] = {
    # The converter of a UUID settles its length.
    field.name: field.max_length
    for field in FIELDS
    if field.type == "string" and field.max_length is not None
}
"""Most UTF-16 code units by column."""


def length_reports(event: Event, limits: Mapping[str, int] = LENGTH_LIMITS) -> list[Report]:
    """One report for each column whose text is too long; nothing is ever cut.

    >>> [report["path"] for report in length_reports({"app_id": "a" * 256, "user_id": "u"})]
    ['app_id']
    """
    limit_of = limits.get
    return [
        report(f"longer than {limit} characters", column, "atomic_field_length_exceeded")
        for column, value in event.items()
        # A character is one code unit or two, so most texts need no exact count.
        if (limit := limit_of(column)) is not None and len(value) * 2 > limit and _code_units(value) > limit
    ]


def _code_units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
