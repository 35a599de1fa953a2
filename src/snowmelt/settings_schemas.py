"""Settings of schemas, of failed events, and of the API for tests."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class SchemaSettings(_Section):
    """Validation of self-describing events and entities."""

    validation: bool = True
    """Whether their data is judged by its schema."""
    on_unresolved_schema: Literal["accept", "reject"] = "accept"
    """What becomes of an event whose schema is not to be had: let through and counted, or a failed event."""
    standard: bool = True
    """Know the schemas of Snowplow's own trackers without asking anybody."""
    folders: list[Path] = []
    """Further static registries on this machine: folders that hold ``schemas/<vendor>/<name>/<format>/<version>``."""
    resolver: Path | None = None
    """A ``resolver.json`` as the reference pipeline takes it. Without one nothing is asked over the network."""
    timeout_seconds: Annotated[float, Field(gt=0, le=30)] = 1.0
    """How long a registry may take to answer."""
    found_seconds: Annotated[float, Field(gt=0)] = 600.0
    """How long a registry's schema is used before it is asked for again, if ``cacheTtl`` does not say."""
    missing_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How long a schema that a registry has not is taken for missing."""
    hold_seconds: Annotated[float, Field(ge=0)] = 300.0
    """With ``reject``: how long the engine waits for a registry that does not answer before events that need it
    become failed events."""


class FailedEventSettings(_Section):
    """How long failed events are kept."""

    retention_days: Annotated[float, Field(gt=0)] = 30.0
    """Older ones are dropped."""
    max_bytes: Annotated[int, Field(ge=1024**2)] = 1024**3
    """If they take more room than this, the oldest are dropped."""


class MicroSettings(_Section):
    """The API at ``/micro/`` with which test suites look at what became of their events."""

    enabled: bool = False
    """It shows events of everybody, so it is for servers of tests. Needs ``workers = 1``."""
    public: bool = False
    """Answer without a token even if the server can be reached from other machines."""
    max_events: Annotated[int, Field(ge=1)] = 10_000
    """Events that are remembered, good and bad ones each; the counts go on."""
    max_bytes: Annotated[int, Field(ge=1024**2)] = 256 * 1024**2
    """What they may take together, as JSON."""
