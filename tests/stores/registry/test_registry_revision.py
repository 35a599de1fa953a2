"""What engine and readers see of changes."""

import json
import timeit
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from snowmelt.stores.registry import Registry

SUM = [
    {
        "name": "spent",
        "type": "double",
        "aggregation": "sum",
        "property": {"type": "atomic", "name": "tr_total"},
    }
]


def test_two_registries_on_one_file_see_each_other(registry: Registry, path: Path, group) -> None:
    with Registry.open(path) as other:
        assert other.revision() == registry.revision() == 1
        registry.groups.create(group(is_published=True))
        assert other.revision() == 2
        assert other.groups.get("shop").group.is_published
        other.groups.update(group(is_published=False))
        assert registry.revision() == 3
        assert not registry.groups.get("shop").group.is_published
        assert registry.snapshot() == other.snapshot()


def test_concurrent_changes_are_all_counted(registry: Registry, path: Path, group) -> None:
    with Registry.open(path) as other, ThreadPoolExecutor(4) as pool:
        stores = [registry, other]
        list(pool.map(lambda i: stores[i % 2].groups.create(group(version=i + 1)), range(24)))
    assert registry.revision() == 25
    assert len({stored.state_id for stored in registry.groups.all()}) == 24


def test_the_revision_is_cheap(registry: Registry) -> None:
    best = min(timeit.repeat(registry.revision, number=2000, repeat=5)) / 2000
    assert best < 50e-6, f"{best * 1e6:.1f} microseconds"  # about 4 on a quiet machine


def test_snapshot(registry: Registry, group) -> None:
    assert json.loads(registry.snapshot()) == {
        "revision": 1,
        "groups": [],
        "interventions": [],
        "event_logs": [],
        "resting": [],
    }
    registry.groups.create(group(version=3))
    published = registry.groups.create(group(is_published=True))
    frozen = registry.groups.create(group("frozen", is_published=True))
    registry.groups.update(group("frozen"))

    snapshot = json.loads(registry.snapshot())
    assert snapshot["revision"] == registry.revision()
    assert snapshot["groups"] == [
        {"state_id": published.state_id, "published": True, "group": published.group.to_wire()},
        {
            "state_id": frozen.state_id,
            "published": False,
            "group": group("frozen").to_wire() | {"attribute_key": registry.keys.get("user_id").key.to_wire()},
        },
    ]


def test_snapshot_after_an_edit_or_a_deletion(registry: Registry, group) -> None:
    first = registry.groups.create(group(is_published=True))
    registry.groups.update(group())
    registry.groups.update(group(attributes=SUM))
    assert json.loads(registry.snapshot())["groups"] == []
    registry.groups.update(group(attributes=SUM, is_published=True))
    [entry] = json.loads(registry.snapshot())["groups"]
    assert entry["state_id"] != first.state_id
    registry.groups.update(group(attributes=SUM))
    registry.groups.delete("shop", 1)
    assert json.loads(registry.snapshot())["groups"] == []


def test_groups_that_a_warehouse_computes_are_not_the_engines(registry: Registry, group) -> None:
    source = {
        "name": "crm",
        "database": "DB",
        "schema": "ML",
        "table": "CRM",
        "timestamp_field": "TS",
    }
    registry.groups.create(group(offline=True, batch_source=source, is_published=True))
    assert json.loads(registry.snapshot())["groups"] == []


def test_read_model(registry: Registry, group, service) -> None:
    registry.groups.create(group(is_published=True))
    draft = registry.groups.create(group("profile", attribute_key={"name": "account", "key": "user_id"}))
    registry.services.create(service("storefront", ("shop", 1), is_published=True))
    registry.services.create(service("hidden", ("profile", 1)))
    model = registry.read_model()
    assert model.revision == registry.revision()
    assert model.services == {"storefront": (("shop", 1),)}
    assert model.groups[("profile", 1)].state_id == draft.state_id
    assert model.groups[("profile", 1)].group() == draft.group
    assert model.keys == {"domain_userid", "domain_sessionid", "user_id", "network_userid", "account"}


def test_everything_survives_reopening(path: Path, group, service) -> None:
    with Registry.open(path) as registry:
        stored = registry.groups.create(group(is_published=True))
        registry.services.create(service("storefront", ("shop", 1)))
        revision = registry.revision()
    with Registry.open(path) as registry:
        assert registry.groups.get("shop") == stored
        assert registry.revision() == revision
