"""The notation of the files in tests/rules, from text to what the engine takes; tests/rules/README.md explains it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, get_args

import yaml

from snowmelt.definitions.atomic import ATOMIC_NAMES
from snowmelt.definitions.enums import CalculatedOperation, DatePart, EventOperator

Json = dict[str, Any]

SEARCH = {"vendor": "com.example", "name": "search", "major_version": 1}
PRODUCT = {"vendor": "com.example", "name": "product", "major_version": 1}
SEARCH_COLUMN = "unstruct_event_com_example_search_1"
PRODUCT_COLUMN = "contexts_com_example_product_1"

TYPES = {
    **dict.fromkeys(("counter", "approx_count_distinct"), "int32"),
    **dict.fromkeys(("sum", "min", "max", "mean", "time_since_first", "time_since_last"), "double"),
    **dict.fromkeys(("first", "last", "most_frequent", "least_frequent"), "string"),
    "unique_list": "string_list",
    "category_count": "dict",
}
"""The type that an attribute has if its file does not say."""

_CLOCK = re.compile(r"\d\d:\d\d(:\d\d(\.\d{3})?)?")
_FULL = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d(:\d\d(\.\d{3})?)?)")
_PARTS = "|".join(get_args(DatePart))
_PROPERTY = re.compile(
    rf"((?P<date_part>{_PARTS}) of )?"
    r"(search\.(?P<search>.+)|product(\[(?P<index>\d+|\*)\])?\.(?P<product>.+)|(?P<name>\w+))"
)
# Longer words first, so that `<=` is not read as `<` and a value that begins with `=`.
_OPERATORS = "|".join(sorted(map(re.escape, get_args(EventOperator)), key=len, reverse=True))
_CRITERION = re.compile(rf"(?P<property>.+?) (?P<operator>{_OPERATORS})( (?P<value>.+))?", re.DOTALL)


class NotationError(ValueError):
    """A file says something that the notation does not have."""


class _Loader(yaml.SafeLoader):
    """YAML whose plain words are null, true, false, a number, or else a text: 12:00 is a text, and so is `no`."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    def mapping(self, node: yaml.MappingNode) -> Json:
        members: Json = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in members:
                raise NotationError(f"line {key_node.start_mark.line + 1}: `{key}` stands here twice")
            members[key] = self.construct_object(value_node, deep=True)
        return members

    def repeated(self, node: yaml.SequenceNode) -> str:
        text, times = self.construct_sequence(node)
        return str(text * times)


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"null\Z"), ["n"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(true|false)\Z"), ["t", "f"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"-?(0|[1-9]\d*)\Z"), list("-0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"-?\d+(\.\d+([eE][-+]?\d+)?|[eE][-+]?\d+)\Z"), list("-0123456789")
)
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.mapping)
_Loader.add_constructor("!repeat", _Loader.repeated)


def load(text: str) -> Any:
    """What a text in YAML says."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise NotationError(f"not YAML: {error}") from error


def timestamp(text: str, date: str) -> str:
    """A time of the file as RFC 3339.

    >>> timestamp("12:00", "2024-03-05"), timestamp("2024-02-29 23:59:59.999", "2024-03-05")
    ('2024-03-05T12:00:00Z', '2024-02-29T23:59:59.999Z')
    """
    if full := _FULL.fullmatch(text):
        date, text = full[1], full[2]
    elif not _CLOCK.fullmatch(text):
        raise NotationError(f"`{text}` is no time such as 12:00, 12:00:30.500 or 2024-02-29 12:00")
    return f"{date}T{text if len(text) > 5 else text + ':00'}Z"


def milliseconds(text: str) -> int:
    """Since the epoch, of what :func:`timestamp` gave."""
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def later(text: str, seconds: int) -> str:
    """A time that :func:`timestamp` gave, and some seconds.

    >>> later("2024-03-05T12:00:59Z", 2)
    '2024-03-05T12:01:01Z'
    """
    moment = datetime.fromisoformat(text) + timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def property_of(written: Any) -> Any:
    """A property's JSON form.

    >>> property_of("product[1].price")["index"], property_of("hour_of_day of derived_tstamp")["date_part"]
    (1, 'hour_of_day')
    >>> property_of({"sum": ["search.price", "search.tax"]})["operation"]
    'sum'
    """
    if isinstance(written, dict):
        operation = next((name for name in get_args(CalculatedOperation) if name in written), None)
        if operation is None:
            return written
        parts = [property_of(part) for part in written[operation]]
        rest = {name: value for name, value in written.items() if name != operation}
        return {"type": "calculated", "operation": operation, "properties": parts, **rest}
    match = _PROPERTY.fullmatch(written) if isinstance(written, str) else None
    if match is None or (match["name"] and match["name"] not in ATOMIC_NAMES):
        raise NotationError(f"`{written}` is no property: name an atomic field, `search.path` or `product.path`")
    part = {"date_part": match["date_part"]} if match["date_part"] else {}
    if match["name"]:
        return {"type": "atomic", "name": match["name"], **part}
    if match["search"]:
        return {"type": "event", **SEARCH, "path": match["search"], **part}
    index = match["index"] or "0"
    return {
        "type": "entity",
        **PRODUCT,
        "path": match["product"],
        "index": int(index) if index.isdigit() else index,
        **part,
    }


def criterion(written: Any) -> Any:
    """A criterion's JSON form.

    >>> criterion("se_value >= 5")["value"], criterion("page_urlpath in [/a, /b]")["value"]
    (5, ['/a', '/b'])
    """
    if isinstance(written, dict):
        return written | {"property": property_of(written.get("property"))}
    match = _CRITERION.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise NotationError(f"`{written}` is no criterion such as `se_value > 5` or `page_urlpath is null`")
    value = {} if match["value"] is None else {"value": load(match["value"])}
    return {"property": property_of(match["property"]), "operator": match["operator"], **value}


def attribute(name: str, written: Any) -> Json:
    """An attribute's JSON form."""
    if not isinstance(written, dict):
        raise NotationError("an attribute is a mapping such as {aggregation: counter}")
    wire = {"name": name, **written}
    if wire.get("aggregation") in TYPES:
        wire.setdefault("type", TYPES[wire["aggregation"]])
    if "property" in wire:
        wire["property"] = property_of(wire["property"])
    if not isinstance(wire.get("events", []), list):
        raise NotationError("`events` is a list such as [page_view]")
    wire["events"] = [{"name": kind} if isinstance(kind, str) else kind for kind in wire.get("events", [])]
    if "criteria" in wire:
        wire["criteria"] = {side: [criterion(one) for one in many or []] for side, many in wire["criteria"].items()}
    return wire


def key(written: Any) -> Json:
    """An attribute key's JSON form."""
    if not isinstance(written, dict):
        return {"name": written}
    return {**written, **({"property": property_of(written["property"])} if "property" in written else {})}


def event(number: int, at: str, written: Any, date: str) -> Json:
    """An event's JSON form.

    Args:
        number: its place among the events of the file, from 1.
        at: when the engine meets it.
        written: the members that the file gives it.
        date: of times without one.
    """
    if not isinstance(written, dict):
        raise NotationError("an event is a mapping of its members, {} if there is nothing to say")
    members = dict(written)
    made: Json = {"event_id": f"e{number}", "user_id": "u"}
    if "search" in members:
        made |= {"event_name": "search", "event_vendor": "com.example", "event_version": "1-0-0"}
        made[SEARCH_COLUMN] = members.pop("search")
    else:
        made |= {"event_name": "page_view", "event_vendor": "com.snowplowanalytics.snowplow", "event_version": "1-0-0"}
    if "product" in members:
        products = members.pop("product")
        made[PRODUCT_COLUMN] = products if isinstance(products, list) else [products]
    for name, value in members.items():
        if name not in ATOMIC_NAMES and not name.startswith(("unstruct_event_", "contexts_")):
            raise NotationError(f"no event has a member `{name}`; its own data stands in `search` and `product`")
        if name.endswith("_tstamp") and isinstance(value, str) and (_CLOCK.fullmatch(value) or _FULL.fullmatch(value)):
            members[name] = timestamp(value, date)
    members.setdefault("collector_tstamp", at)
    members.setdefault("derived_tstamp", members["collector_tstamp"])
    return made | members
