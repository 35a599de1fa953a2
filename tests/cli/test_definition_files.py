"""Definitions in Python and YAML files."""

from pathlib import Path
from typing import Any

import pytest

from snowmelt.cli.definition_files import DefinitionFilesError, load_definitions
from snowmelt.definitions import AttributeKey, StreamAttributeGroup

PYTHON = """
from snowmelt import Attribute, AttributeKey, Event, EntityProperty, Service, StreamAttributeGroup, domain_userid

crm = AttributeKey(property=EntityProperty(vendor="com.example", name="user", major_version=1, path="crm"))
views = Attribute(name="views", type="int32", aggregation="counter", events=[Event(name="page_view")])
shop = StreamAttributeGroup(name="shop", attribute_key=domain_userid, owner="a@example.com", attributes=[views])
more = [Service(name="shop", attribute_groups=[shop], owner="a@example.com")]
_hidden = StreamAttributeGroup(name="no", attribute_key=domain_userid, owner="a@example.com", attributes=[views])
"""

YAML = """
kind: service
name: storefront
owner: a@example.com
attribute_groups: [{name: carts, version: 2}]
---
- kind: attribute_group
  name: carts
  version: 2
  owner: a@example.com
  backfill_since_tstamp: 2026-01-01T00:00:00Z
  attribute_key: {name: domain_userid, key: domain_userid}
  attributes:
    - name: first_at
      type: string
      aggregation: first
      property: {type: atomic, name: collector_tstamp}
      criteria:
        all: [{property: {type: atomic, name: app_id}, operator: "=", value: 2026-01-01}]
- kind: attribute_key
  name: crm_id
  key: user_id
"""


def test_python_gives_what_stands_at_its_top_level(tmp_path: Path) -> None:
    (tmp_path / "defs.py").write_text(PYTHON)
    found = load_definitions([tmp_path / "defs.py"])
    assert [one.title for one in found] == ["attribute key crm", "attribute group shop version 1", "service shop"]


def test_yaml_gives_every_document_and_item(tmp_path: Path) -> None:
    (tmp_path / "defs.yaml").write_text(YAML)
    key, group, service = (one.definition for one in load_definitions([tmp_path / "defs.yaml"]))
    assert isinstance(key, AttributeKey)
    assert isinstance(group, StreamAttributeGroup)
    assert group.attributes[0].criteria.all[0].value == "2026-01-01"  # type: ignore[union-attr, index]
    assert (service.name, service.attribute_groups[0].version) == ("storefront", 2)


def test_a_folder_is_read_to_the_bottom_but_for_what_is_hidden(tmp_path: Path) -> None:
    for place in ("a.py", "deep/er/b.yml", ".venv/c.py", "deep/__pycache__/d.py"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(YAML if place.endswith("yml") else PYTHON)
    assert {one.path.name for one in load_definitions([tmp_path])} == {"a.py", "b.yml"}


def test_files_may_import_their_neighbours_and_share_their_definitions(tmp_path: Path) -> None:
    for folder, name in (("one", "shop"), ("two", "cafe")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "groups.py").write_text(PYTHON.replace('"shop"', f'"{name}"'))
        (tmp_path / folder / "all.py").write_text("from groups import shop\n")
    titles = [one.title for one in load_definitions([tmp_path])]
    assert titles.count("attribute group shop version 1") == 1
    assert titles.count("attribute group cafe version 1") == 1


def test_two_definitions_of_one_thing_contradict_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(PYTHON)
    (tmp_path / "b.py").write_text(PYTHON.replace("page_view", "page_ping"))
    with pytest.raises(DefinitionFilesError) as caught:
        load_definitions([tmp_path])
    [problem] = caught.value.problems
    assert "b.py: attribute group shop version 1 is defined otherwise in" in problem


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.py", "x = 1\ny = (", "line 2: "),
        ("a.py", "x = 1\n\nboom()\n", "line 3: NameError: name 'boom' is not defined"),
        ("a.py", "from snowmelt import Event\nEvent(name=5)\n", "line 2: Event: name: "),
        ("a.yaml", "kind: service\n  name: x\n", "line 2: "),
        ("a.yaml", "name: x\n", "definition 1 (x): has no `kind`"),
        ("a.yaml", "- 5\n", "definition 1: must be a mapping"),
        ("a.yaml", "kind: shop\n", "definition 1: kind 'shop' is none of attribute_key, "),
        ("a.yaml", "kind: service\nkind: service\n", "line 2: the member 'kind' stands twice"),
        ("a.yaml", "kind: attribute_key\nname: basket\n", "attribute key basket: property: "),
        ("a.json", "{}", "files of definitions end in .py, .yaml, .yml"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, name: str, text: str, expected: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DefinitionFilesError) as caught:
        load_definitions([tmp_path / name])
    assert caught.value.problems[0].startswith(f"{tmp_path / name}: {expected}")


def test_all_problems_of_all_files_come_at_once(tmp_path: Path, run: Any) -> None:
    (tmp_path / "a.py").write_text(PYTHON.replace('aggregation="counter"', 'aggregation="sum"'))
    (tmp_path / "b.yaml").write_text("kind: service\nname: 'no name'\n---\nkind: shop\n")
    (tmp_path / "empty").mkdir()
    result = run("apply", "a.py", "b.yaml", "c.yaml", "empty", "--dry-run")
    assert result.exit_code == 1
    assert result.stdout == ""
    for place in ("a.py: attribute group shop", "b.yaml: definition 1", "b.yaml: definition 2", "c.yaml", "empty"):
        assert f"  {place}" in result.stderr


def test_a_dry_run_lists_what_would_be_published_and_asks_no_server(tmp_path: Path, run: Any) -> None:
    (tmp_path / "a.py").write_text(PYTHON)
    result = run("apply", "a.py", "--dry-run")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "would publish attribute key crm (a.py)",
        "would publish attribute group shop version 1 (a.py)",
        "would publish service shop (a.py)",
    ]
