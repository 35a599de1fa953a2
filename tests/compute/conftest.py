"""Groups in their JSON form, and events for them."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from snowmelt.definitions import AttributeGroup

MakeGroup = Callable[..., AttributeGroup]


@pytest.fixture
def make_group() -> MakeGroup:
    """Makes a group of attributes (JSON members each); more members of the group by keyword."""

    def make(*attributes: dict[str, Any], **members: Any) -> AttributeGroup:
        wire = {
            "name": "shop",
            "version": 1,
            "owner": "a@example.com",
            "attribute_key": {"name": "user_id"},
            "attributes": [
                {"name": f"a{number}", "type": "double", "aggregation": "counter", "events": []} | attribute
                for number, attribute in enumerate(attributes)
            ],
        }
        return AttributeGroup.model_validate(wire | members)

    return make


@pytest.fixture
def make_line() -> Callable[..., bytes]:
    """Makes one event as a JSON line."""

    def make(**members: Any) -> bytes:
        return msgspec.json.encode({"user_id": "u", "collector_tstamp": "1970-01-01T00:00:01Z"} | members)

    return make
