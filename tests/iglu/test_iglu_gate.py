"""What becomes of data: judged, superseded, or without a schema."""

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from iglu_documents import Clock, Shelf, Web, key, schema
from snowmelt.enrichment.validation import VALID, SchemasUnavailable
from snowmelt.iglu.allowance import Allowance
from snowmelt.iglu.configuration import EMBEDDED, STANDARD, ResolverError, build_gate, build_resolver
from snowmelt.iglu.folder import SchemaFolder
from snowmelt.iglu.gate import REMIND_SECONDS, SchemaGate
from snowmelt.iglu.http_registry import HttpRegistry
from snowmelt.iglu.local import LocalRegistry
from snowmelt.iglu.repository import Absence, Place
from snowmelt.iglu.resolver import Resolver
from snowmelt.settings_schemas import SchemaSettings

ORDER = key()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def gate(shelf: Shelf, **options: Any) -> SchemaGate:
    return SchemaGate(Resolver([shelf]), **options)


def test_data_is_valid_or_not(shelf: Shelf) -> None:
    shelf.has[ORDER] = schema(required=["id"])
    checks = gate(shelf)
    assert checks.check(ORDER, {"id": 1}) is VALID
    error = checks.check(ORDER, {}).error
    assert error is not None
    assert error["error"] == "ValidationError"
    assert error["dataReports"][0]["keyword"] == "required"
    assert checks.take_counts() == ({}, {})


def test_the_schema_that_supersedes_judges_alone(shelf: Shelf) -> None:
    shelf.has[ORDER] = schema(**{"$supersededBy": "1-0-1"}, required=["old"])
    shelf.has[key(version="1-0-1")] = schema(key(version="1-0-1"), **{"$supersededBy": "1-0-2"})
    shelf.has[key(version="1-0-2")] = schema(key(version="1-0-2"), required=["new"])
    checks = gate(shelf)
    assert checks.check(ORDER, {"new": 1}).superseded_by == "1-0-2"
    assert checks.check(ORDER, {"old": 1}).error is not None
    assert checks.check(key(version="1-0-2"), {"new": 1}) is VALID


def test_schemas_that_supersede_one_another_do_not_go_round_for_ever(shelf: Shelf) -> None:
    shelf.has[ORDER] = schema(**{"$supersededBy": "1-0-1"})
    shelf.has[key(version="1-0-1")] = schema(key(version="1-0-1"), **{"$supersededBy": "1-0-0"})
    assert gate(shelf).check(ORDER, {}).error is None
    shelf.has[ORDER] = schema(**{"$supersededBy": "1-0-0"})
    assert gate(shelf).check(ORDER, {}) is VALID


@pytest.mark.parametrize("trouble", ["missing", "unusable", "unreachable", "busy"])
def test_data_without_a_schema_is_let_through_and_counted(shelf: Shelf, trouble: Any) -> None:
    shelf.has[ORDER] = Absence(trouble, "for a reason", since=0.0)
    checks = gate(shelf, policy="accept", hold_seconds=1e9)
    with capture_logs() as logs:
        assert [checks.check(ORDER, {}) for _ in range(3)] == [VALID] * 3
    assert checks.take_counts() == ({trouble: 3}, {})
    assert checks.take_counts() == ({}, {})
    [log] = logs
    assert (log["schema"], log["events"]) == (ORDER.uri, "accepted without validation")
    assert "for a reason" in log["reasons"]


def test_a_schema_that_stays_away_is_told_once_an_hour(shelf: Shelf) -> None:
    clock = Clock()
    checks = SchemaGate(Resolver([shelf]), "accept", 0.0, clock)
    with capture_logs() as logs:
        for _ in range(20):
            checks.check(ORDER, {})
            clock.now += REMIND_SECONDS / 10 + 1
    assert len(logs) == 2


def test_a_schema_that_cannot_be_compiled_is_none(shelf: Shelf) -> None:
    shelf.has[ORDER] = schema(type="nonsense")
    assert gate(shelf).check(ORDER, {}) is VALID
    error = gate(shelf, policy="reject").check(ORDER, {}).error
    assert error is not None
    assert error["lookupHistory"][0]["errors"][0]["error"] == "ClientFailure"


def test_rejected_data_tells_where_its_schema_was_looked_for() -> None:
    one, other = Shelf("one"), Shelf("other")
    one.has[ORDER] = Absence("missing", "x", 3, 1_741_082_405_158)
    other.has[ORDER] = Absence("unreachable", "no answer", 2, 1_741_082_405_158, since=0.0)
    error = SchemaGate(Resolver([one, other]), "reject").check(ORDER, {}).error
    assert error == {
        "error": "ResolutionError",
        "lookupHistory": [
            {
                "repository": "one",
                "errors": [{"error": "NotFound"}],
                "attempts": 3,
                "lastAttempt": "2025-03-04T10:00:05.158Z",
            },
            {
                "repository": "other",
                "errors": [{"error": "RepoFailure", "message": "no answer"}],
                "attempts": 2,
                "lastAttempt": "2025-03-04T10:00:05.158Z",
            },
        ],
    }


def test_a_registry_that_is_down_is_waited_for_and_not_for_ever() -> None:
    clock = Clock()
    web = Web(clock)
    web.fails = lambda: OSError("down")
    registry = HttpRegistry(Place("central"), "http://iglu.test", web, Allowance(), clock=clock)
    checks = SchemaGate(Resolver([], [registry], clock=clock), "reject", 300.0, clock)
    for _ in range(299):
        with pytest.raises(SchemasUnavailable, match="down"):
            checks.check(ORDER, {})
        clock.now += 1
    clock.now += 2
    assert checks.check(ORDER, {}).error is not None, "and the next ones do not wait anew"
    assert checks.check(key("other"), {}).error is not None
    web.fails = None
    web.put(ORDER)
    clock.now += 60
    assert checks.check(ORDER, {}) is VALID
    unresolved, lookups = checks.take_counts()
    assert unresolved == {"unreachable": 2}
    assert lookups["central:found"] == 1
    assert lookups["central:unreachable"] == len(web.asked) - 1


# The configuration


def configuration(*repositories: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {
        "schema": "iglu:com.snowplowanalytics.iglu/resolver-config/jsonschema/1-0-3",
        "data": {"cacheSize": 50, "cacheTtl": 60, "repositories": list(repositories)} | rest,
    }


def repository(name: str = "Central", **connection: Any) -> dict[str, Any]:
    connection = connection or {"http": {"uri": "http://iglu.example", "apikey": "k"}}
    return {"name": name, "priority": 1, "vendorPrefixes": ["com.acme"], "connection": connection}


def written(folder: Path, text: Any) -> SchemaSettings:
    file = folder / "resolver.json"
    file.write_text(text if isinstance(text, str) else json.dumps(text))
    return SchemaSettings(resolver=file)


def test_the_reference_pipelines_configuration_is_taken(tmp_path: Path) -> None:
    settings = written(
        tmp_path,
        configuration(
            repository(),
            repository("Embedded", embedded={"path": EMBEDDED}),
            repository("Files", embedded={"path": str(tmp_path)}),
        ),
    )
    local = LocalRegistry(tmp_path / "iglu")
    found = build_resolver(settings, local).repositories
    assert [each.place.name for each in found] == ["local", "standard", "Central", "Embedded", "Files"]
    central, embedded, files = found[2:]
    assert isinstance(central, HttpRegistry)
    assert central.place == Place("Central", 1, ("com.acme",))
    assert isinstance(embedded, SchemaFolder)
    assert isinstance(files, SchemaFolder)
    assert (embedded.path, files.path) == (STANDARD, tmp_path)


def test_without_a_configuration_nothing_is_asked_over_the_network(tmp_path: Path) -> None:
    found = build_resolver(SchemaSettings(folders=[tmp_path]), LocalRegistry(tmp_path / "iglu")).repositories
    assert [each.place.name for each in found] == ["local", str(tmp_path), "standard"]
    assert all(isinstance(each, SchemaFolder) for each in found)
    assert build_gate(SchemaSettings(validation=False), LocalRegistry(tmp_path)) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON"),
        ([], "is no resolver configuration"),
        ({"schema": "iglu:com.acme/x/jsonschema/1-0-0", "data": {}}, "is no resolver configuration"),
        (configuration(repository(), repository()), "two repositories are called Central"),
        (configuration(repository(ftp={"uri": "ftp://x"})), "ftp"),
        (configuration(repository(http={"uri": "file:///etc"})), "uri"),
        (configuration(repository(http={"uri": "http://a"}, embedded={"path": "b"})), "either embedded or http"),
        (configuration({"name": "x"}), "priority: Field required; repositories.0.vendorPrefixes"),
        (configuration(cacheTtl=-1), "cacheTtl"),
        (configuration(colour="red"), "colour"),
    ],
)
def test_a_wrong_configuration_is_told_in_full(tmp_path: Path, text: Any, problem: str) -> None:
    with pytest.raises(ResolverError) as raised:
        build_resolver(written(tmp_path, text), LocalRegistry(tmp_path / "iglu"))
    assert problem in str(raised.value)
    assert "resolver.json" in str(raised.value)


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ResolverError, match="cannot be read"):
        build_resolver(SchemaSettings(resolver=tmp_path / "none.json"), LocalRegistry(tmp_path))


def test_a_schema_that_is_added_counts_a_second_later(tmp_path: Path) -> None:
    clock = Clock()
    local = LocalRegistry(tmp_path)
    checks = SchemaGate(Resolver([local], clock=clock), "reject", clock=clock)
    assert checks.check(ORDER, {}).error is not None
    LocalRegistry(tmp_path).add(schema())
    clock.now += 1
    assert checks.check(ORDER, {}) is VALID
    LocalRegistry(tmp_path).add(schema(required=["id"]), replace=True)
    clock.now += 1
    assert checks.check(ORDER, {}).error is not None


def test_who_wants_to_know_anew_waits_for_no_second() -> None:
    shelf, clock = Shelf(), Clock()
    checks = SchemaGate(Resolver([shelf], clock=clock), "reject", clock=clock)
    assert checks.check(ORDER, {}).error is not None
    shelf.has[ORDER] = schema()
    checks.look_anew(1)
    assert checks.check(ORDER, {}) is VALID
    shelf.has[ORDER] = schema(required=["number"])
    checks.look_anew(2)
    assert checks.check(ORDER, {}).error is not None, "another one in its place is seen, too"
    asked = len(shelf.asked)
    for _ in range(100):
        checks.look_anew(2)
        checks.check(ORDER, {})
    assert len(shelf.asked) == asked, "many that are asked for together cost one question"
