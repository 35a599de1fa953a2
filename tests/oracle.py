"""What every value must be: a plain loop over all events, with no state, tiles or tricks.

Written from docs/semantics.md and not from the engine, which it judges; it shares no code with it.
"""

import re
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from fractions import Fraction
from math import isfinite, prod
from typing import Any

from msgspec import msgpack

Json = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNIT_MS = {"s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
OF_SCALARS = {
    *("first", "last", "unique_list", "most_frequent", "least_frequent"),
    *("category_count", "approx_count_distinct", "count_distinct"),
}
OF_NUMBERS = ("sum", "min", "max", "mean", "stddev", "percentile")
COUNTED = ("approx_count_distinct", "count_distinct")
INT_BITS = {"int32": 32, "int64": 64}


def instant(text: Any) -> int | None:
    """Milliseconds since the epoch of a date-time text, or None."""
    if not isinstance(text, str) or not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d", text):
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r"(\d)z$", r"\1Z", text))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def dig(value: Any, path: str) -> Any:
    """The value at a JSON path, or None."""
    for step in re.findall(r"[^.\[\]]+|\[\d+\]", path.removeprefix("$.")):
        if step.startswith("["):
            index = int(step[1:-1])
            value = value[index] if isinstance(value, list) and index < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        # JSON as the engine writes it: 1e300, 1e-7 and 0.00001, not Python's 1e+300, 1e-07 and 1e-05.
        text = re.sub(r"e(-?)\+?0*", r"e\1", str(value))
        return format(Decimal(text), "f") if text.endswith("e-5") else text
    return value if isinstance(value, str) else None


def read_every(event: Json, prop: Json) -> list[Any]:
    """The values of a property: one, or with the index ``*`` one for each entity of the kind."""
    if prop.get("index") != "*":
        return [read_property(event, prop)]
    vendor = prop["vendor"].replace(".", "_").replace("-", "_")
    entities = event.get(f"contexts_{vendor}_{prop['name']}_{prop['major_version']}")
    count = len(entities) if isinstance(entities, list) else 0
    return [read_property(event, prop | {"index": index}) for index in range(count)]


def read_property(event: Json, prop: Json) -> Any:
    kind = prop["type"]
    if kind == "calculated":
        parts = [read_property(event, part) for part in prop["properties"]]
        operation = prop["operation"]
        if operation == "coalesce":
            return next((part for part in parts if part is not None), None)
        if operation == "concat":
            texts = [as_text(part) for part in parts if as_text(part) is not None]
            return (prop.get("separator") or "").join(texts) if texts else None
        if not all(is_number(part) for part in parts):
            return None
        try:
            result = {"sum": sum, "product": prod, "min": min, "max": max}[operation](parts)
        except OverflowError:
            return None
        return None if isinstance(result, float) and not isfinite(result) else result
    if kind == "atomic":
        value = event.get(prop["name"])
    else:
        name = re.sub("([a-z0-9])([A-Z])", r"\1_\2", prop["name"])
        column = re.sub("[.-]", "_", f"{prop['vendor']}_{name}_{prop['major_version']}").lower()
        if kind == "event":
            value = dig(event.get(f"unstruct_event_{column}"), prop["path"])
        else:
            entities = event.get(f"contexts_{column}")
            index = prop.get("index") or 0
            entity = entities[index] if isinstance(entities, list) and index < len(entities) else None
            value = dig(entity, prop["path"])
    part = prop.get("date_part")
    if part is None:
        return value
    ms = instant(value)
    if ms is None:
        return None
    moment = EPOCH + timedelta(milliseconds=ms)
    day: date = moment.date()
    return {
        "hour_of_day": moment.hour,
        "day_of_week": moment.isoweekday(),
        "month_of_year": moment.month,
        "active_day": day.isoformat(),
        "active_week": (day - timedelta(days=day.weekday())).isoformat(),
        "active_month": day.replace(day=1).isoformat(),
    }[part]


def kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if is_number(value) else "text" if isinstance(value, str) else "other"


def holds(value: Any, operator: str, operand: Any) -> bool:
    """SQL: a comparison with a missing value is never true."""
    if operator == "is null":
        return value is None
    if value is None:
        return False
    if operator == "is not null":
        return True
    if operator == "in":
        return any(holds(value, "=", item) for item in operand)
    if operator == "like":
        if not isinstance(value, str):
            return False
        pattern, position = "", 0
        while position < len(operand):
            character = operand[position]
            if character == "\\" and position + 1 < len(operand):
                position += 1
                pattern += re.escape(operand[position])
            else:
                pattern += {"%": "(?s:.*)", "_": "(?s:.)"}.get(character, re.escape(character))
            position += 1
        return re.fullmatch(pattern, value) is not None
    if operator == "!=":
        return not holds(value, "=", operand)
    if kind_of(value) != kind_of(operand):
        return False
    if kind_of(value) == "text" and instant(value) is not None and instant(operand) is not None:
        value, operand = instant(value), instant(operand)
    return {
        "=": lambda: value == operand,
        "<": lambda: value < operand,
        ">": lambda: value > operand,
        "<=": lambda: value <= operand,
        ">=": lambda: value >= operand,
    }[operator]()


def holds_of_some(values: list[Any], test: Json) -> bool:
    """A criterion holds if it holds of one of the values; nothing is there if none of them is."""
    if test["operator"] == "is null":
        return all(value is None for value in values)
    return any(holds(value, test["operator"], test.get("value")) for value in values)


def matches(event: Json, entry: Json) -> bool:
    """Whether an event is of the kind that an entry names."""
    if entry.get("event_specification_id"):
        specifications = event.get("contexts_com_snowplowanalytics_snowplow_event_specification_1") or [{}]
        return bool(specifications[0].get("id") == entry["event_specification_id"])
    if entry.get("major_version") and not f"{event.get('event_version')}".startswith(f"{entry['major_version']}-"):
        return False
    wanted = {"name": "event_name", "vendor": "event_vendor", "version": "event_version"}
    return all(entry.get(key) in (None, event.get(field)) for key, field in wanted.items())


def counts(event: Json, attribute: Json) -> bool:
    """Whether an event is one of the attribute's."""
    entries = attribute.get("events") or []
    if entries and not any(matches(event, entry) for entry in entries):
        return False
    criteria = attribute.get("criteria") or {}
    tests = {
        side: [holds_of_some(read_every(event, test["property"]), test) for test in criteria.get(side) or []]
        for side in ("all", "any")
    }
    return all(tests["all"]) and (not tests["any"] or any(tests["any"]))


def cast(value: Any, type_name: str) -> Any:
    if value is None:
        return None
    if type_name.endswith("_list"):
        items = [cast(item, type_name.removesuffix("_list")) for item in value]
        return [item for at, item in enumerate(items) if item is not None and item not in items[at + 1 :]]
    if type_name == "dict":
        return value
    if type_name in INT_BITS:
        if not is_number(value) and not isinstance(value, Fraction):
            return None
        bound = 2 ** (INT_BITS[type_name] - 1)
        return max(-bound, min(bound - 1, int(value)))
    if type_name in ("float", "double"):
        if not is_number(value) and not isinstance(value, Fraction):
            return None
        try:
            return float(value)
        except OverflowError:
            return None
    if type_name == "bool":
        return value if isinstance(value, bool) else None
    if type_name == "string":
        return as_text(value)
    if type_name == "bytes":
        text = as_text(value)
        return None if text is None else b64encode(text.encode()).decode()
    if type_name in ("timestamp", "unix_timestamp"):
        ms = value if isinstance(value, int) and not isinstance(value, bool) else instant(value)
        if ms is None:
            return None
        if type_name == "unix_timestamp":
            return ms // 1000
        try:
            moment = EPOCH + timedelta(milliseconds=ms)
        except OverflowError:
            return None
        return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    raise AssertionError(type_name)


def counted_once(events: list[Json]) -> list[Json]:
    """The events in order of arrival without those whose id came before."""
    ids = [event.get("event_id") for event in events]
    return [event for at, event in enumerate(events) if not ids[at] or ids[at] not in ids[:at]]


def too_long(value: Any, attribute: Json) -> bool:
    """Texts are kept up to a length only; shorter ones where many are kept."""
    longest = 10_000 if attribute["aggregation"] in ("first", "last", *COUNTED) else 1_000
    if attribute.get("period_ms") and attribute["aggregation"] != "last":
        longest = min(longest, 4_096)
    return isinstance(value, str) and len(value) > longest


def happened(event: Json) -> tuple[int, int]:
    """Event time and collector time, in ms; an event without either has a ``met_at``, when the engine read it."""
    collector = instant(event.get("collector_tstamp"))
    derived = instant(event.get("derived_tstamp"))
    if collector is None:
        collector = event["met_at"] if derived is None else derived
    return collector if derived is None else min(derived, collector), collector


def value_of(events: list[Json], group: Json, attribute: Json, identifier: str, now: int) -> Any:
    """The value of one attribute for one key value at ``now`` (ms)."""
    found = []
    for event in events:
        key = as_text(read_property(event, group["key_property"]))
        if key != identifier or not key or len(key.encode()) > 512 or not counts(event, attribute):
            continue
        time, collector = happened(event)
        aggregation = attribute["aggregation"]
        # A counter looks at no property.
        read = aggregation != "counter" and attribute.get("property")
        for value in read_every(event, attribute["property"]) if read else [None]:
            if aggregation in OF_NUMBERS:
                if attribute["type"] in ("timestamp", "unix_timestamp"):
                    value = instant(value)
                    if value is None:
                        continue
                elif not is_number(value):
                    continue
            elif aggregation in OF_SCALARS and (as_text(value) is None or too_long(value, attribute)):
                continue
            if aggregation in ("min", "max", "first", "last") and is_number(value) and not -(2**63) <= value < 2**64:
                value = float(value)  # no more than 64 bits of an integer are kept
            found.append((time, collector, event["event_id"], value))
    found.sort(key=lambda row: row[:3])

    period, ttl = attribute.get("period_ms"), attribute.get("ttl_ms")
    if period:
        # A tile of a 256th of the period counts as long as its end is inside.
        found = [
            row
            for row in found
            if row[0] <= now and Fraction((row[0] * 256 // period + 1) * period, 256) > now - period
        ]
    elif ttl:
        alive: list[Any] = []
        for row in found:
            if alive and row[0] - alive[-1][0] >= ttl:
                alive = []
            alive.append(row)
        found = alive if alive and now - alive[-1][0] < ttl else []
    result = aggregate(found, attribute, now)
    result = cast(result, attribute["type"])
    return attribute.get("default_value") if result is None else result


def plain(value: Any) -> Any:
    """Of equal numbers always the same one: an integer if it is whole and has 64 bits, else a double."""
    if not is_number(value):
        return value
    if not -(2**63) <= value < 2**63:
        value = float(value)  # of an integer just below the least one that is the least one
    return int(value) if -(2**63) <= value < 2**63 and value == int(value) else value


def rank(value: Any) -> tuple[int, str]:
    """Texts before numbers before booleans, each by its characters."""
    return ["text", "number", "bool"].index(kind_of(value)), as_text(value) or ""


def tallied(found: list[Any]) -> list[tuple[int, int, Any]]:
    """How often each value occurred, and when last."""
    distinct: list[Any] = []
    for row in found:
        value = plain(row[3])
        if not any(kind_of(value) == kind_of(other) and value == other for other in distinct):
            distinct.append(value)
    tally = []
    for value in distinct:
        times = [row[0] for row in found if kind_of(row[3]) == kind_of(value) and plain(row[3]) == value]
        tally.append((len(times), max(times), value))
    return tally


def aggregate(found: list[Any], attribute: Json, now: int) -> Any:
    if not found:
        return None
    values = [row[3] for row in found]
    match attribute["aggregation"]:
        case "counter":
            return len(found)
        case "sum":
            return sum(map(Fraction, values))
        case "mean":
            return sum(map(Fraction, values)) / len(values)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "first":
            return values[0]
        case "last":
            return values[-1]
        case "unique_list":
            return [value for _, _, value in sorted(tallied(found), key=lambda row: (row[1], rank(row[2])))]
        case "most_frequent":
            return min(tallied(found), key=lambda row: (-row[0], -row[1], rank(row[2])))[2]
        case "least_frequent":
            return min(tallied(found), key=lambda row: (row[0], -row[1], rank(row[2])))[2]
        case "category_count":
            texts: dict[str, list[int]] = {}
            for count, last, value in tallied(found):
                total = texts.setdefault(as_text(value) or "", [0, last])
                total[0] += count
                total[1] = max(total[1], last)
            ranked = sorted(texts.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
            return {text: total[0] for text, total in ranked}
        case "approx_count_distinct" | "count_distinct":
            return len(tallied(found))
        case "percentile":
            # The least value that is not exceeded by at least so many of them.
            share = Fraction(str(attribute["percentile"])) / 100
            return next(
                float(value)
                for value in sorted(values)
                if sum(other <= value for other in values) >= share * len(values)
            )
        case "stddev":
            if len(values) < 2:
                return None
            mean = sum(map(Fraction, values)) / len(values)
            variance = sum((value - mean) ** 2 for value in map(Fraction, values)) / (len(values) - 1)
            # Many more digits than a double has.
            with localcontext(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN):
                return Fraction((Decimal(variance.numerator) / variance.denominator).sqrt())
        case "time_since_last":
            return max(now - found[-1][0], 0) / UNIT_MS[attribute["time_unit"]]
        case "time_since_first":
            return max(now - found[0][0], 0) / UNIT_MS[attribute["time_unit"]]
    raise AssertionError(attribute["aggregation"])


def shown(value: Any) -> Any:
    """A value as an event log shows it: long texts cut, large and deep values left out."""

    def stored(part: Any) -> Any:
        if isinstance(part, list):
            return [stored(item) for item in part]
        if isinstance(part, dict):
            return {name: stored(item) for name, item in part.items()}
        return float(part) if is_number(part) and not -(2**63) <= part < 2**64 else part

    def depth(part: Any) -> int:
        if isinstance(part, list | dict):
            return 1 + max(map(depth, part.values() if isinstance(part, dict) else part), default=0)
        return 0

    if isinstance(value, str):
        return value if len(value) <= 1_000 else value[:999] + "…"
    if depth(value) > 16 or (depth(value) and len(msgpack.encode(stored(value))) > 1_000):
        return "…"
    return stored(value)


def output_key(kept: Json) -> str:
    return str(kept.get("output_name") or (kept["name"] if kept["type"] == "atomic" else kept["path"].split(".")[-1]))


def context_of(events: list[Json], log: Json, identifier: str, now: int) -> list[Json]:
    """What an event log shows of one session at ``now`` (ms)."""
    found = []
    for event in events:
        key = as_text(event.get("domain_sessionid"))
        selections = [selection for selection in log["events"] if matches(event, selection["event"])]
        if key != identifier or not key or len(key.encode()) > 512 or not selections:
            continue
        kept = {output_key(prop): shown(read_property(event, prop)) for prop in selections[0]["properties"]}
        time, collector = happened(event)
        kept["derived_tstamp"] = cast(time, "timestamp")
        found.append((time, collector, event["event_id"], {name: v for name, v in kept.items() if v is not None}))
    newest = sorted(found, key=lambda row: row[:3])[-log["max_events"] :]
    return [dict(sorted(kept.items())) for time, _, _, kept in newest if now - time <= log["max_age_seconds"] * 1000]
