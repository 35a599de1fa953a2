"""Strategies of canonical events."""

from typing import Any

import pytest
from hypothesis import strategies as st

from snowmelt.events.fields import FIELDS
from snowmelt.events.numbers import float_text, plain_decimal
from snowmelt.events.timestamp import MAX_MS, MIN_MS

_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="\t\n\r", exclude_categories=("Cc",)),
    min_size=1,
    max_size=20,
)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_NAME = st.text("abcXYZ09-_", min_size=1, max_size=8)
_SDJ = st.builds(
    lambda vendor, name, model, data: {
        "schema": f"iglu:{vendor}/{name}/jsonschema/{model}-0-1",
        "data": data,
    },
    _NAME,
    _NAME,
    st.integers(1, 9),
    _JSON,
)
_DECIMAL = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": _TEXT,
    "uuid": st.uuids().map(str),
    "timestamp": st.integers(MIN_MS, MAX_MS),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "decimal": _DECIMAL.map(plain_decimal),
    "float": st.floats(-180, 180, width=32).map(lambda value: float(float_text(value))),
    "flag": st.booleans(),
}
_JSON_COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "unstruct_event": _SDJ,
    "contexts": st.lists(_SDJ, min_size=1, max_size=3),
    "derived_contexts": st.lists(_SDJ, min_size=1, max_size=3),
}


@pytest.fixture(scope="session")
def canonical_events() -> st.SearchStrategy[dict[str, Any]]:
    columns = _JSON_COLUMNS | {field.name: _VALUES[field.type] for field in FIELDS if field.type != "json"}
    names = st.lists(st.sampled_from(sorted(columns)), unique=True, max_size=20)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: columns[name] for name in chosen}))
