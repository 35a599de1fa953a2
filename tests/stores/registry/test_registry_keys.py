"""The rules of attribute keys."""

import pytest

from snowmelt.definitions import AttributeKey
from snowmelt.stores.registry import (
    AlreadyExists,
    BuiltIn,
    InUse,
    InvalidDefinition,
    NotFound,
    Registry,
    StillPublished,
)

ACCOUNT = {
    "name": "account",
    "property": {
        "type": "entity",
        "vendor": "com.acme",
        "name": "user",
        "major_version": 1,
        "path": "account_id",
    },
}


def key(**members: object) -> AttributeKey:
    return AttributeKey.model_validate(ACCOUNT | members)


def test_a_new_registry_has_the_built_in_keys_published(registry: Registry) -> None:
    stored = registry.keys.all()
    assert [item.key.name for item in stored] == [
        "domain_sessionid",
        "domain_userid",
        "network_userid",
        "user_id",
    ]
    assert all(item.is_built_in and item.key.is_published for item in stored)


def test_create_get_update_delete(registry: Registry) -> None:
    created = registry.keys.create(key())
    assert registry.keys.get("account") == created
    assert registry.keys.update(key(description="Who pays")).key.description == "Who pays"
    registry.keys.delete("account")
    with pytest.raises(NotFound, match="account"):
        registry.keys.get("account")


def test_creating_twice_is_refused_even_if_the_definition_differs(registry: Registry) -> None:
    registry.keys.create(key())
    with pytest.raises(AlreadyExists, match="PUT registry/attribute_keys/account"):
        registry.keys.create(key(description="another"))


def test_updating_a_missing_key(registry: Registry) -> None:
    with pytest.raises(NotFound):
        registry.keys.update(key())


def test_rules_are_checked(registry: Registry) -> None:
    wrong = {"property": {"type": "atomic", "name": "derived_tstamp", "date_part": "hour_of_day"}}
    with pytest.raises(InvalidDefinition) as refusal:
        registry.keys.create(key(**wrong))
    assert [problem.loc for problem in refusal.value.problems] == [("property", "date_part")]
    assert registry.revision() == 1


def test_the_same_definition_again_changes_nothing(registry: Registry) -> None:
    registry.keys.create(key())
    before = registry.revision()
    registry.keys.update(key())
    assert registry.revision() == before


@pytest.mark.parametrize("name", ["domain_userid", "domain_sessionid", "user_id", "network_userid"])
def test_built_in_keys_accept_their_own_definition(registry: Registry, name: str) -> None:
    body = {"name": name, "key": name, "description": "as others describe it", "is_published": True}
    assert registry.keys.update(AttributeKey.model_validate(body)).key.description == "as others describe it"


def test_built_in_keys_keep_their_meaning(registry: Registry) -> None:
    with pytest.raises(BuiltIn):
        registry.keys.update(AttributeKey(name="user_id", key="domain_userid"))
    with pytest.raises(BuiltIn):
        registry.keys.delete("user_id")


def test_published_keys_are_not_deleted(registry: Registry) -> None:
    registry.keys.create(key(is_published=True))
    with pytest.raises(StillPublished):
        registry.keys.delete("account")


def test_a_key_in_use_is_not_deleted(registry: Registry, group) -> None:
    registry.keys.create(key())
    registry.groups.create(group(attribute_key=ACCOUNT))
    registry.groups.create(group(version=2, attribute_key=ACCOUNT))
    with pytest.raises(InUse, match="attribute group shop version 1, attribute group shop version 2"):
        registry.keys.delete("account")


def test_a_key_with_values_keeps_its_meaning(registry: Registry, group) -> None:
    registry.keys.create(key())
    registry.groups.create(group(attribute_key=ACCOUNT))
    other = key(property={"type": "atomic", "name": "user_id"})
    registry.keys.update(other)
    assert registry.groups.get("shop").group.attribute_key == other

    registry.groups.update(group(attribute_key={"name": "account"}, is_published=True))
    with pytest.raises(InUse, match="shop version 1"):
        registry.keys.update(key())


def test_other_members_of_a_key_reach_the_groups_that_use_it(registry: Registry, group) -> None:
    registry.keys.create(key())
    before = registry.groups.create(group(attribute_key=ACCOUNT, is_published=True))
    registry.keys.update(key(ttl="P30D", description="Who pays"))
    after = registry.groups.get("shop")
    assert after.group.attribute_key == registry.keys.get("account").key
    assert after.state_id == before.state_id
