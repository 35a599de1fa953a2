"""Scalar types with their limits: names, texts, identifiers of warehouse objects.

Patterns bind the whole text: a trailing newline never slips through.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints

NAME_PATTERN = r"^[A-Za-z0-9_]+$"
LONGEST_NAME = 128

Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME, pattern=NAME_PATTERN)]
"""The name of a definition: letters, digits and underscores."""

VersionNumber: TypeAlias = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""The version of a definition: counted from 1, which its rules say; here only what a database can hold."""

_NO_NUL = r"^[^\x00]*$"
Text: TypeAlias = Annotated[str, StringConstraints(pattern=_NO_NUL)]
"""Any text without the NUL character."""
Text16: TypeAlias = Annotated[str, StringConstraints(pattern=_NO_NUL, max_length=16)]
Text128: TypeAlias = Annotated[str, StringConstraints(pattern=_NO_NUL, max_length=128)]
Text255: TypeAlias = Annotated[str, StringConstraints(pattern=_NO_NUL, max_length=255)]
Text1024: TypeAlias = Annotated[str, StringConstraints(pattern=_NO_NUL, max_length=1024)]
Text3800: TypeAlias = Annotated[str, StringConstraints(pattern=_NO_NUL, max_length=3800)]

NonEmpty: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
"""Any text of at least one character."""

SchemaName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_-]+$")]
"""The name of an event or entity schema."""

Vendor: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_.-]+$")]
"""Who published a schema, e.g. ``com.snowplowanalytics.snowplow``."""

SchemaVersion: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9]+-[0-9]+-[0-9]+$")]
"""The version of a schema, e.g. ``1-0-2``."""

# Given compiled, since only Python's engine knows look-ahead.
PropertyPath: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, pattern=re.compile(r"^(?!\$$)(?!.*\[['\"]).+$(?!\n)"))
]
"""The way to a value inside an event or entity, e.g. ``$.items[0].price``; the ``$.`` may be left out.

Neither ``$`` alone nor quoted brackets are allowed.
"""

DatabaseName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
"""A warehouse database."""

ColumnName: TypeAlias = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A warehouse schema, table or column."""

AppId: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9._-]+$")]
"""The ``app_id`` of events."""

PreviewIdentifier: TypeAlias = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=128,
        pattern=r"^(?:[A-Za-z0-9._-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}|[A-Za-z0-9_-]+)$",
    ),
]
"""An identifier that a preview may ask for: a word, or an e-mail address."""

QualifiedAttributeName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+_v[0-9]+:[A-Za-z0-9_]+$")]
"""``group_vN:attribute``."""

CriterionAttribute: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=3, max_length=257, pattern=r"^[A-Za-z0-9_]{1,128}:[A-Za-z0-9_]{1,128}$"),
]
"""``group:attribute``, without a version."""


def _aware(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant


Instant: TypeAlias = Annotated[datetime, AfterValidator(_aware)]
"""A point in time with an offset; one without is taken as UTC."""
