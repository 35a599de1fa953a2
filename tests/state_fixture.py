"""A store as this release leaves it, kept so that later releases can show that they open it.

    python tests/state_fixture.py

writes `tests/fixtures/state_v{VERSION}/`: the profile store, the definitions, the events that were applied, and
the values that this release reads. To be run once, when the layout of a stored state gets a new version, and the
folder is never changed afterwards.
"""

import random
import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from snowmelt.compute import state
from snowmelt.compute.plan import AGGREGATIONS
from snowmelt.compute.reader import GroupReader
from snowmelt.definitions import AttributeGroup
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.runtimes.engine import Engine
from snowmelt.stores.event_log import EventLog, Kind
from snowmelt.stores.failed_events import FailedEvents
from snowmelt.stores.profiles import ProfileReader, ProfileStore

FOLDER = Path(__file__).parent / "fixtures"
START = datetime(2026, 2, 27, 23, 0, tzinfo=UTC)
STATE_ID = 1
SCOPES: dict[str, dict[str, str]] = {"always": {}, "hour": {"period": "PT1H"}, "ttl": {"ttl": "PT5M"}}
LAYOUTS = {"category_count": "dict", "unique_list": "string_list", "first": "string", "last": "string"}
NUMERIC = ("sum", "min", "max", "mean", "stddev", "percentile")


def group() -> dict[str, Any]:
    """Every aggregation in every scope."""
    attributes = []
    for name in AGGREGATIONS:
        for scope, members in SCOPES.items():
            attribute: dict[str, Any] = {"name": f"{name}_{scope}", "aggregation": name, "events": [], **members}
            if name.startswith("time_since"):
                attribute |= {"type": "double", "time_unit": "s"}
            elif name == "counter":
                attribute["type"] = "int64"
            else:
                source = "se_value" if name in NUMERIC else "page_urlpath"
                attribute["property"] = {"type": "atomic", "name": source}
                if name == "percentile":
                    attribute["percentile"] = 75
                attribute["type"] = LAYOUTS.get(name, "string" if name.endswith("frequent") else "double")
            attributes.append(attribute)
    return {
        "name": "kept",
        "version": 1,
        "owner": "a@example.com",
        "attribute_key": {"name": "user_id"},
        "attributes": attributes,
    }


def events(count: int = 600) -> list[bytes]:
    """Some two hours of three users: one often here, one who paused, and one who looked at very many pages."""
    chance = random.Random(20260227)
    lines = []
    for number in range(count):
        at = START + timedelta(seconds=12 * number, milliseconds=chance.randrange(900))
        if number % 7 == 0:  # late
            at -= timedelta(seconds=chance.randrange(400))
        user = ("often", "many", "paused")[number % 3 if not 150 < number < 450 else number % 2]
        page = f"/p/{number}" if user == "many" else f"/p/{chance.randrange(30)}"
        value = chance.choice([0.1, 19.99, -3, 7, 2**53, 1e300, 5e-324, chance.randrange(10_000) / 100])
        event = {
            "event_id": f"00000000-0000-4000-8000-{number:012}",
            "user_id": user,
            "collector_tstamp": f"{START + timedelta(seconds=12 * number + 1):%Y-%m-%dT%H:%M:%S}.000Z",
            "derived_tstamp": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
            "event_name": "page_view",
            "page_urlpath": page,
            "se_value": value,
        }
        lines.append(msgspec.json.encode(event))
    return lines


def read_times() -> list[int]:
    """When the values are read: just after the last event, within the hour, and much later."""
    end = int((START + timedelta(seconds=12 * 600)).timestamp() * 1000)
    return [end + minutes * 60_000 for minutes in (0, 4, 45, 600)]


def values(store: Path, definition: dict[str, Any]) -> dict[str, dict[str, list[Any]]]:
    """Read time -> user -> values."""
    reader, profiles = GroupReader(AttributeGroup.model_validate(definition)), ProfileReader(store)
    users = ["often", "many", "paused", "nobody"]
    stored = dict(zip(users, profiles.get([(STATE_ID, user.encode()) for user in users]), strict=True))
    profiles.close()
    return {str(now): {user: reader.read(stored[user], now) for user in users} for now in read_times()}


def apply(folder: Path, lines: list[bytes], definition: dict[str, Any]) -> None:
    """Have an engine apply the lines to the store in a folder, which may be one that was kept."""
    log = EventLog(folder / "log", 2**28)
    store = ProfileStore(folder / "profiles", 2**28)
    failed = FailedEvents(folder / "failed.sqlite")
    now = int(START.timestamp() * 1000) + 12_000 * 600
    if store.position:
        # A kept store comes without its log: records up to its place, of which none is read.
        log.append([(Kind.EVENTS, now, b"")] * store.position)
    else:
        definitions = {"revision": 1, "groups": [{"state_id": STATE_ID, "published": True, "group": definition}]}
        log.append([(Kind.DEFINITIONS, now, msgspec.json.encode(definitions))])
    log.append([(Kind.EVENTS, now, b"\n".join(lines[at : at + 50])) for at in range(0, len(lines), 50)])
    engine = Engine(log=log, store=store, failed=failed, enricher=Enricher(), clock=lambda: now)
    while engine.step():
        pass
    assert engine.position == log.head()
    assert not engine.statistics.errors
    store.close()
    failed.close()
    log.close()


def main() -> int:
    """Write the fixture of this release's version."""
    target = FOLDER / f"state_v{state.VERSION}"
    if target.exists():
        print(f"{target} is there already, and must stay as it is: a new layout needs a new version")
        return 1
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        apply(folder, events(), group())
        target.mkdir(parents=True)
        store = ProfileStore(folder / "profiles", 2**28)
        store.copy(target)
        store.close()
        read = values(folder / "profiles", group())
    (target / "lock.mdb").unlink(missing_ok=True)
    (target / "group.json").write_bytes(msgspec.json.format(msgspec.json.encode(group())) + b"\n")
    (target / "events.jsonl").write_bytes(b"\n".join(events()) + b"\n")
    (target / "values.json").write_bytes(msgspec.json.format(msgspec.json.encode(read)) + b"\n")
    shutil.rmtree(target / "__pycache__", ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
