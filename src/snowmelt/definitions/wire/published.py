"""What is published, as engines that poll for it are told: each computation once, whoever shares it."""

import hashlib
import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from snowmelt.definitions.attribute import Attribute
from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.wire.engines import (
    AttributeKeyPublishedMetadata,
    PublishedStreamAttribute,
    SourceGroupReference,
)
from snowmelt.definitions.wire.expressions import published_property, rendered_criteria
from snowmelt.definitions.wire.registry import blobl_path


def published_attributes(groups: Iterable[tuple[AttributeGroup, datetime | None]]) -> list[PublishedStreamAttribute]:
    """The computations of groups, equal ones once.

    Args:
        groups: each with the instant from which its events count.
    """
    found: dict[str, PublishedStreamAttribute] = {}
    for group, since in groups:
        for attribute in group.attributes or ():
            computation = _computation(group, attribute)
            digest = hashlib.sha256(json.dumps(computation, sort_keys=True).encode()).hexdigest()
            source = SourceGroupReference(name=group.name, version=group.version, attribute_name=attribute.name)
            started = None if since is None else since.astimezone(UTC).isoformat().replace("+00:00", "Z")
            shared = found.get(digest)
            if shared is None:
                found[digest] = PublishedStreamAttribute(
                    definition_hash=digest, source_groups=[source], streaming_since_tstamp=started, **computation
                )
            else:
                shared.source_groups.append(source)
                starts = [start for start in (shared.streaming_since_tstamp, started) if start is not None]
                shared.streaming_since_tstamp = min(starts, default=None)
    return list(found.values())


def _computation(group: AttributeGroup, attribute: Attribute) -> dict[str, Any]:
    """Everything that decides a value, as JSON-ready members."""
    key = group.attribute_key
    members = attribute.to_wire()
    metadata = AttributeKeyPublishedMetadata(name=key.name, key=key.key, blobl_path=blobl_path(key))
    return {
        "attribute_key_name": key.name,
        "attribute_key_or_name": key.key_or_name(),
        "attribute_key": metadata.to_wire(),
        "type": attribute.type,
        "aggregation": attribute.aggregation,
        "events": members.get("events", []),
        "property": None if attribute.property is None else published_property(attribute.property).to_wire(),
        "criteria": rendered_criteria(attribute.criteria, "blobl"),
        "period": members.get("period"),
        "ttl": _ttl(group, attribute),
        "time_unit": attribute.time_unit,
    }


def _ttl(group: AttributeGroup, attribute: Attribute) -> int:
    """Whole seconds after which a value may be forgotten; 0 for never."""
    chosen = next((ttl for ttl in (attribute.ttl, group.ttl, group.attribute_key.ttl, attribute.period) if ttl), None)
    return 0 if chosen is None else math.ceil(chosen.total_seconds())
