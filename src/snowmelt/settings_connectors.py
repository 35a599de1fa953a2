"""Settings of what is connected to other pipelines: sources of events, and outputs of them."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from snowmelt.events.fields import FIELDS

Property = str | bool | int | float
EventFormat = Literal["enriched-tsv", "enriched-json"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]

OUR_PROPERTIES = {
    "bootstrap.servers": "brokers",
    "metadata.broker.list": "brokers",
    "group.id": "group",
    "group.instance.id": None,
    "group.protocol": None,
    "partition.assignment.strategy": None,
    "enable.auto.commit": None,
    "enable.auto.offset.store": None,
    "enable.partition.eof": None,
    "auto.offset.reset": "start",
    "enable.idempotence": None,
    "acks": None,
    "request.required.acks": None,
    "transactional.id": None,
}
"""Properties that counting exactly once depends on, each with the setting that stands for it, if one does."""

_SHAPE = re.compile(r"[a-z0-9_.]+")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class _Kafka(_Section):
    brokers: Annotated[str, Field(min_length=1)]
    """``host:port``, several joined with commas."""
    properties: Annotated[dict[str, Property], Field(repr=False)] = {}
    """Passed on to librdkafka: TLS, SASL, timeouts, such as ``{"security.protocol" = "SASL_SSL"}``."""

    @field_validator("properties")
    @classmethod
    def _leaves_ours(cls, properties: dict[str, Property]) -> dict[str, Property]:
        for name in properties:
            if not _SHAPE.fullmatch(name):
                raise ValueError(f"`{name}` is no property of librdkafka: they look like `security.protocol`")
            if name in OUR_PROPERTIES:
                setting = OUR_PROPERTIES[name]
                advice = f"use `{setting}`" if setting else "Snowmelt sets it, since counting once depends on it"
                raise ValueError(f"`{name}` cannot be set here: {advice}")
        return properties


class KafkaSource(_Kafka):
    """Enriched events from a Kafka topic."""

    name: Name
    """Names it in metrics and logs."""
    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
    group: Annotated[str, Field(min_length=1, max_length=200)] = "snowmelt"
    """The consumer group. Servers of one group share the partitions of the topic."""
    format: EventFormat = "enriched-tsv"
    start: Literal["earliest", "latest"] | AwareDatetime = "earliest"
    """Where to begin in a partition from which the group has read nothing: an end, or an instant."""

    def start_ms(self) -> int | None:
        """The instant to begin at, ms since the epoch; ``None`` if it is an end."""
        return int(self.start.timestamp() * 1000) if isinstance(self.start, datetime) else None


class _Output(_Section):
    name: Name
    """Names it in metrics, logs and file names."""
    format: EventFormat = "enriched-tsv"
    keep_hours: Annotated[float, Field(gt=0)] = 72.0
    """How long the event log keeps for it what it has not taken yet; then it is dropped, and counted."""


class FilesOutput(_Output):
    """Enriched and failed events into files."""

    type: Literal["files"]
    folder: Path
    """Gets ``good`` and ``failed``, each with files that are complete and one ``.part`` that grows."""
    gzip: bool = True
    rotate_minutes: Annotated[float, Field(gt=0)] = 60.0
    """After so long a file is finished and the next begun."""
    rotate_mb: Annotated[float, Field(gt=0)] = 256.0
    """So is one that has become as large, as it is on the disk."""


class KafkaOutput(_Output, _Kafka):
    """Enriched and failed events into Kafka topics."""

    type: Literal["kafka"]
    good_topic: Annotated[str, Field(min_length=1)]
    failed_topic: str | None = None
    """Where failed events go, one JSON row a message; unset: nowhere, they stay in the data folder."""
    key: str | None = None
    """The enriched column that is each message's key, such as ``domain_userid``; unset: no key."""

    @field_validator("key")
    @classmethod
    def _is_a_column(cls, key: str | None) -> str | None:
        if key is not None and key not in {field.name for field in FIELDS if field.type in ("string", "uuid")}:
            raise ValueError(f"`{key}` is no enriched column that holds text")
        return key


Output = Annotated[FilesOutput | KafkaOutput, Field(discriminator="type")]


def named_apart(sections: list[Any]) -> list[Any]:
    """The sections, if no two have one name.

    Raises:
        ValueError: two have.
    """
    names = [section.name for section in sections]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two have the name `{name}`")
    return sections
