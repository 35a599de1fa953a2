"""Properties in the words of other systems: paths in an engine's event, columns of warehouse tables.

Columns are those that Snowplow's loaders make: one for each atomic field, ``unstruct_event_...`` for the body of a
kind of event, ``contexts_...`` for the entities of a kind.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from snowmelt.definitions.criteria import Criteria
from snowmelt.definitions.enums import PropertySyntax
from snowmelt.definitions.property import AtomicProperty, CalculatedProperty, EntityProperty, EventProperty
from snowmelt.definitions.wire.engines import PublishedStreamCalculatedProperty, PublishedStreamLeafProperty

SqlDialect: TypeAlias = Literal["snowflake", "bigquery", "databricks"]
Leaf: TypeAlias = AtomicProperty | EventProperty | EntityProperty
AnyProperty: TypeAlias = Leaf | CalculatedProperty

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STEP: Final = re.compile(r"\[([0-9]+)\]|([^.\[\]]+)")
_ITEM: Final = "item"
_EVERY: Final[Mapping[SqlDialect, str]] = {
    "snowflake": f"TRANSFORM({{column}}, {_ITEM} -> {{value}})",
    "bigquery": f"ARRAY(SELECT {{value}} FROM UNNEST({{column}}) AS {_ITEM})",
    "databricks": f"TRANSFORM({{column}}, {_ITEM} -> {{value}})",
}
"""A list of a value in every entity of a column."""
_INSTANT: Final[Mapping[SqlDialect, str]] = {
    "snowflake": "CONVERT_TIMEZONE('UTC', TO_TIMESTAMP_TZ({}))",
    "bigquery": "CAST({} AS TIMESTAMP)",
    "databricks": "CAST({} AS TIMESTAMP)",
}
_DATE_PARTS: Final[Mapping[SqlDialect, Mapping[str, str]]] = {
    "snowflake": {
        "hour_of_day": "HOUR({})",
        "day_of_week": "DAYOFWEEKISO({})",
        "month_of_year": "MONTH({})",
        "active_day": "TO_CHAR({}, 'YYYY-MM-DD')",
        "active_week": "TO_CHAR(DATEADD(day, 1 - DAYOFWEEKISO({0}), {0}), 'YYYY-MM-DD')",
        "active_month": "TO_CHAR(DATE_TRUNC('month', {}), 'YYYY-MM-DD')",
    },
    "bigquery": {
        "hour_of_day": "EXTRACT(HOUR FROM {})",
        "day_of_week": "MOD(EXTRACT(DAYOFWEEK FROM {}) + 5, 7) + 1",
        "month_of_year": "EXTRACT(MONTH FROM {})",
        "active_day": "FORMAT_TIMESTAMP('%F', {})",
        "active_week": "FORMAT_TIMESTAMP('%F', TIMESTAMP_TRUNC({}, ISOWEEK))",
        "active_month": "FORMAT_TIMESTAMP('%F', TIMESTAMP_TRUNC({}, MONTH))",
    },
    "databricks": {
        "hour_of_day": "HOUR({})",
        "day_of_week": "WEEKDAY({}) + 1",
        "month_of_year": "MONTH({})",
        "active_day": "DATE_FORMAT({}, 'yyyy-MM-dd')",
        "active_week": "DATE_FORMAT(DATE_TRUNC('WEEK', {}), 'yyyy-MM-dd')",
        "active_month": "DATE_FORMAT(DATE_TRUNC('MONTH', {}), 'yyyy-MM-dd')",
    },
}
_TEXT: Final[Mapping[SqlDialect, str]] = {"snowflake": "VARCHAR", "bigquery": "STRING", "databricks": "STRING"}


def rendered(found: AnyProperty, syntax: PropertySyntax) -> Any:
    """A property in another syntax: for ``blobl`` an object with paths, else a SQL expression over a table of events.

    >>> price = EntityProperty(vendor="com.acme", name="product", major_version=1, path="price")
    >>> rendered(price, "snowflake")
    'contexts_com_acme_product_1[0]:price'
    >>> rendered(price, "blobl")
    {'type': 'leaf', 'blobl_path': 'contexts_com_acme_product_1.0.price'}
    """
    return published_property(found).to_wire() if syntax == "blobl" else sql(found, syntax)


def rendered_criteria(criteria: Criteria | None, syntax: PropertySyntax) -> dict[str, Any] | None:
    """Criteria with their properties in another syntax, as JSON-ready members."""
    if criteria is None:
        return None
    joined = {"all": criteria.all, "any": criteria.any}
    return {
        name: [one.to_wire() | {"property": rendered(one.property, syntax)} for one in parts]
        for name, parts in joined.items()
        if parts is not None
    }


def published_property(found: AnyProperty) -> PublishedStreamLeafProperty | PublishedStreamCalculatedProperty:
    """A property as an engine that looks values up by paths is told of it."""
    if isinstance(found, CalculatedProperty):
        leaves = [_leaf(part) for part in found.properties]
        return PublishedStreamCalculatedProperty(
            operation=found.operation, properties=leaves, separator=found.separator
        )
    return _leaf(found)


def path_in_event(found: Leaf) -> str:
    """Where an engine's event holds a value.

    >>> path_in_event(AtomicProperty(name="user_id"))
    'user_id'
    """
    match found:
        case AtomicProperty():
            return found.name
        case EventProperty():
            return f"{_column(found)}.{_inner(found)}"
        case EntityProperty():
            return f"{_column(found)}.{found.index}.{_inner(found)}"


def sql(found: AnyProperty, dialect: SqlDialect) -> str:
    """A SQL expression for a property, over a table of events as a loader fills it.

    >>> term = EventProperty(vendor="com.acme", name="search", major_version=1, path="query.sortBy")
    >>> sql(term, "bigquery")
    'unstruct_event_com_acme_search_1.query.sort_by'
    >>> prices = EntityProperty(vendor="com.acme", name="product", major_version=1, path="price", index="*")
    >>> sql(prices, "databricks")
    'TRANSFORM(contexts_com_acme_product_1, item -> item.price)'
    """
    if isinstance(found, CalculatedProperty):
        return _calculated(found, dialect)
    value = _value(found, dialect)
    if found.date_part is not None:
        # Atomic fields have columns of their own type; inside of events and entities date-times are text.
        instant = value if isinstance(found, AtomicProperty) else _INSTANT[dialect].format(value)
        value = _DATE_PARTS[dialect][found.date_part].format(instant)
    if isinstance(found, EntityProperty) and found.index == "*":
        return _EVERY[dialect].format(column=_column(found), value=value)
    return value


def _leaf(found: Leaf) -> PublishedStreamLeafProperty:
    return PublishedStreamLeafProperty(blobl_path=path_in_event(found), date_part=found.date_part)


def _column(found: EventProperty | EntityProperty) -> str:
    kind = "unstruct_event" if isinstance(found, EventProperty) else "contexts"
    return f"{kind}_{_snake(found.vendor)}_{_snake(found.name)}_{found.major_version}"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[^A-Z_])(?=[A-Z])", "_", re.sub(r"[.-]", "_", name)).lower()


def _inner(found: EventProperty | EntityProperty) -> str:
    return found.path.removeprefix("$").removeprefix(".")


def _value(found: Leaf, dialect: SqlDialect) -> str:
    if isinstance(found, AtomicProperty):
        return found.name
    steps = [int(position) if position else name for position, name in _STEP.findall(_inner(found))]
    expression = _column(found)
    if isinstance(found, EntityProperty):
        if found.index == "*":
            expression = _ITEM
        else:
            steps.insert(0, found.index)
    inside = False  # of a value without columns, whose members Snowflake names after a colon
    for step in steps:
        if isinstance(step, int):
            expression += f"[SAFE_OFFSET({step})]" if dialect == "bigquery" else f"[{step}]"
        elif dialect == "snowflake":
            expression += ("." if inside else ":") + _quoted(step, '"')
            inside = True
        else:
            # These loaders make columns of members, and name them so.
            expression += "." + _quoted(_snake(step), "`")
    return expression


def _quoted(name: str, mark: str) -> str:
    return name if _WORD.fullmatch(name) else f"{mark}{name.replace(mark, mark * 2)}{mark}"


def _calculated(found: CalculatedProperty, dialect: SqlDialect) -> str:
    parts = [sql(part, dialect) for part in found.properties]
    match found.operation:
        case "concat":
            return _concat(parts, found.separator or "", dialect)
        case "coalesce":
            return f"COALESCE({', '.join(parts)})"
        case "sum" | "product":
            return f"({(' + ' if found.operation == 'sum' else ' * ').join(parts)})"
        case "min" | "max":
            chosen = f"{'LEAST' if found.operation == 'min' else 'GREATEST'}({', '.join(parts)})"
            # There these two skip nulls; a part that is missing must make the whole missing.
            missing = " OR ".join(f"{part} IS NULL" for part in parts)
            return f"CASE WHEN {missing} THEN NULL ELSE {chosen} END" if dialect == "databricks" else chosen


def _concat(parts: list[str], separator: str, dialect: SqlDialect) -> str:
    """The parts that are there, joined; all dialects skip nulls in these functions."""
    escaped = separator.replace("\\", "\\\\").replace("'", "\\'")
    texts = ", ".join(f"CAST({part} AS {_TEXT[dialect]})" for part in parts)
    match dialect:
        case "snowflake":
            return f"ARRAY_TO_STRING(ARRAY_CONSTRUCT_COMPACT({texts}), '{escaped}')"
        case "bigquery":
            return f"ARRAY_TO_STRING([{texts}], '{escaped}')"
        case "databricks":
            return f"CONCAT_WS('{escaped}', {texts})"
