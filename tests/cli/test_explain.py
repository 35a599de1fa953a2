"""``snowmelt explain``: what is read, and what is run."""

import ast
from pathlib import Path
from typing import Any

import pytest

from snowmelt.definitions import Attribute, Event, StreamAttributeGroup, domain_userid
from snowmelt.demo.tutorial import tutorial_group
from snowmelt.stores.registry import Registry

PRICE = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1.0.price"


@pytest.fixture
def registered(data: Path) -> Path:
    """A data folder whose registry holds two versions of the tutorial's group."""
    with Registry.open(data / "registry.sqlite") as registry:
        registry.groups.create(tutorial_group())
        newer = tutorial_group().model_copy(update={"version": 2, "attributes": tutorial_group().attributes[:1]})
        registry.groups.create(newer)
    return data


def test_the_highest_version_is_explained_unless_another_is_named(run: Any, registered: Path) -> None:
    newest = run("explain", "ecom_attributes", "--data-dir", registered)
    assert newest.exit_code == 0, newest.output
    assert newest.stdout.startswith("# ecom_attributes_v2: what is read of an event\n")
    assert PRICE not in newest.stdout
    older = run("explain", "ecom_attributes_v1", "--data-dir", registered)
    assert f"#   {PRICE}\n" in older.stdout
    assert "#   event_name\n" in older.stdout
    assert "# events: name snowplow_ecommerce_action\n" in older.stdout


def test_what_is_printed_is_python(run: Any, registered: Path) -> None:
    printed = run("explain", "ecom_attributes_v1", "--data-dir", registered).stdout
    names = {node.name for node in ast.walk(ast.parse(printed)) if isinstance(node, ast.FunctionDef)}
    assert names == {"bind", "handle"}


def test_one_attribute_alone(run: Any, registered: Path) -> None:
    printed = run("explain", "ecom_attributes_v1:count_add_to_cart", "--data-dir", registered).stdout
    assert "# count_add_to_cart: counter" in printed
    assert "total_cart_value" not in printed
    assert PRICE not in printed


def test_every_kind_of_event_has_its_part(run: Any, tmp_path: Path) -> None:
    (tmp_path / "defs.py").write_text(
        "from snowmelt import *\n"
        "def n(name, events): return Attribute(name=name, type='int32', aggregation='counter', events=events)\n"
        "g = StreamAttributeGroup(name='g', attribute_key=user_id, owner='a@example.com', attributes=[\n"
        "    n('all_events', []), n('views', [Event(name='page_view')]),\n"
        "    n('clicks', [Event(name='click', vendor='com.acme', version='1-0-0')])])\n"
    )
    printed = run("explain", "g", "--file", "defs.py").stdout
    parts = printed.split("# events: ")[1:]
    assert [part.splitlines()[0] for part in parts] == [
        "name page_view",
        "name click, vendor com.acme, version 1-0-0",
        "any other",
    ]
    assert ["# clicks: counter" in part for part in parts] == [False, True, False]
    assert all("# all_events: counter" in part for part in parts)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "there is no attribute group nothing; there is ecom_attributes_v1, ecom_attributes_v2"),
        ("ecom_attributes:nothing", "has no attribute nothing; it has count_product_views"),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(run: Any, registered: Path, name: str, said: str) -> None:
    result = run("explain", name, "--data-dir", registered)
    assert result.exit_code == 1
    assert said in result.stderr


def test_a_folder_without_a_registry_is_not_given_one(run: Any, data: Path) -> None:
    result = run("explain", "g", "--data-dir", data)
    assert result.exit_code == 1
    assert list(data.iterdir()) == []


def test_what_this_release_cannot_compute_is_told(run: Any, tmp_path: Path, data: Path) -> None:
    group = StreamAttributeGroup(
        name="g",
        attribute_key=domain_userid,
        owner="a@example.com",
        attributes=[Attribute(name="n", type="int32", aggregation="counter", events=[Event(name="page_view")])],
    )
    key = group.attribute_key.model_copy(update={"name": "nobody", "key": None})
    with Registry.open(data / "registry.sqlite") as registry:
        registry.groups.create(group.model_copy(update={"attribute_key": key}))
    result = run("explain", "g", "--data-dir", data)
    assert result.exit_code == 1
    assert "attribute_key" in result.stderr
