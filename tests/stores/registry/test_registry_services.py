"""The rules of services, and of publishing several things at once."""

import pytest

from snowmelt.stores.registry import (
    AlreadyExists,
    InUse,
    InvalidDefinition,
    NotFound,
    References,
    Registry,
    StillPublished,
)


def test_create_get_update_delete(registry: Registry, group, service) -> None:
    registry.groups.create(group(is_published=True))
    registry.groups.create(group("profile"))
    created = registry.services.create(service("storefront", ("shop", 1)))
    assert registry.services.get("storefront") == created
    assert registry.services.all() == [created]
    changed = registry.services.update(service("storefront", ("profile", 1), ("shop", 1), description="two"))
    assert [link.name for link in changed.service.attribute_groups] == ["profile", "shop"]
    registry.services.delete("storefront")
    with pytest.raises(NotFound):
        registry.services.get("storefront")
    registry.groups.delete("profile", 1)


def test_creating_twice_is_refused(registry: Registry, group, service) -> None:
    registry.groups.create(group())
    registry.services.create(service("storefront", ("shop", 1)))
    with pytest.raises(AlreadyExists, match="PUT registry/services/storefront"):
        registry.services.create(service("storefront", ("absent", 9)))


def test_updating_a_missing_service(registry: Registry, group, service) -> None:
    registry.groups.create(group())
    with pytest.raises(NotFound):
        registry.services.update(service("storefront", ("shop", 1)))


def test_groups_must_exist(registry: Registry, service) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        registry.services.create(service("storefront", ("shop", 1), ("profile", 2)))
    assert [problem.loc[:2] for problem in refusal.value.problems] == [
        ("attribute_groups", 0),
        ("attribute_groups", 1),
    ]


def test_to_be_published_its_groups_must_be(registry: Registry, group, service) -> None:
    registry.groups.create(group())
    with pytest.raises(InvalidDefinition, match="shop"):
        registry.services.create(service("storefront", ("shop", 1), is_published=True))
    registry.services.create(service("storefront", ("shop", 1)))
    with pytest.raises(InvalidDefinition, match="shop"):
        registry.publishing.publish(References(services=["storefront"]))


@pytest.mark.parametrize("second", [1, 2])
def test_one_group_only_once(registry: Registry, group, service, second: int) -> None:
    registry.groups.create(group())
    registry.groups.create(group(version=2))
    with pytest.raises(InvalidDefinition):
        registry.services.create(service("storefront", ("shop", 1), ("shop", second)))


def test_published_services_change_but_are_not_deleted(registry: Registry, group, service) -> None:
    registry.groups.create(group(is_published=True))
    registry.services.create(service("storefront", ("shop", 1), is_published=True))
    registry.services.update(service("storefront", ("shop", 1), is_published=True, description="new words"))
    with pytest.raises(StillPublished):
        registry.services.delete("storefront")


def test_publishing_goes_from_keys_to_services(registry: Registry, group, service) -> None:
    registry.groups.create(group())
    registry.services.create(service("storefront", ("shop", 1)))
    revision = registry.revision()
    registry.publishing.publish(References(services=["storefront"], groups=[("shop", 1)], keys=["user_id"]))
    assert registry.services.get("storefront").service.is_published
    assert registry.revision() == revision + 1

    with pytest.raises(InUse):
        registry.publishing.unpublish(References(groups=[("shop", 1)], services=["storefront"]))
    assert registry.services.get("storefront").service.is_published


def test_publishing_is_all_or_nothing(registry: Registry, group) -> None:
    registry.groups.create(group())
    revision = registry.revision()
    with pytest.raises(NotFound, match="absent"):
        registry.publishing.publish(References(groups=[("shop", 1)], services=["absent"]))
    assert not registry.groups.get("shop").group.is_published
    assert registry.revision() == revision


def test_publishing_what_is_published_changes_nothing(registry: Registry, group) -> None:
    registry.groups.create(group(is_published=True))
    revision = registry.revision()
    registry.publishing.publish(References(groups=[("shop", 1)], keys=["user_id"]))
    assert registry.revision() == revision
