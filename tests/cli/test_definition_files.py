"""Definitions in Python and YAML files."""

import json
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
        ("a.py", "import sys\nsys.exit('no\\nmore')\n", "line 2: SystemExit: no more"),
        ("a.py", "\nassert 0\n", "line 2: AssertionError"),
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


GROUP = """
kind: attribute_group
name: shop
owner: a@example.com
attribute_key: {name: domain_userid}
attributes:
  - {name: views, type: int32, aggregation: counter, events: [{name: page_view}]}
  - {name: last_page, type: string, aggregation: last, property: {type: atomic, name: page_url}}
"""


def problems_in(path: Path, text: str) -> list[str]:
    """What is wrong with a file of this text, without the file's name."""
    path.write_text(text)
    with pytest.raises(DefinitionFilesError) as caught:
        load_definitions([path])
    assert all(problem.startswith(f"{path}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("right", "wrong", "place", "meant"),
    [
        ("events", "evnts", "attributes.0.evnts", "events"),
        ("owner", "ownr", "ownr", "owner"),
        ("attribute_key: {name: domain_userid}", "attribute_key: {name: domain_userid, propery: }", None, "property"),
        ("{name: page_view}", "{name: page_view, vndor: com.acme}", "attributes.0.events.0.vndor", "vendor"),
        ("name: page_url}", "name: page_url, date_prt: day}", "attributes.1.property.date_prt", "date_part"),
    ],
)
def test_a_member_that_yaml_does_not_know_is_named_with_the_nearest(
    tmp_path: Path, right: str, wrong: str, place: str | None, meant: str
) -> None:
    found = problems_in(tmp_path / "a.yaml", GROUP.replace(right, wrong))
    place = place or "attribute_key.propery"
    assert f"definition 1 (shop): {place}: there is no such member; did you mean `{meant}`?" in found


def test_a_member_like_no_other_is_answered_with_all(tmp_path: Path) -> None:
    [found] = problems_in(tmp_path / "a.yaml", "kind: attribute_key\nname: user_id\nzzz: 1\n")
    assert "zzz: there is no such member; there is name, description, key, " in found


def test_every_member_of_every_kind_is_known(tmp_path: Path) -> None:
    """What definitions write of themselves is read again."""
    criteria = {"all": [{"property": {"name": "app_id"}, "operator": "=", "value": "shop"}]}
    source = {"name": "crm", "timestamp_field": "TS", "database": "DB", "schema": "ML", "table": "CRM"}
    external = {"name": "crm", "attribute_key": {"name": "user_id"}, "offline": True, "batch_source": source}
    documents = [
        {"kind": "attribute_group", **external, "fields": [{"name": "tier", "type": "string"}]},
        {
            "kind": "stream_attribute_group",
            "name": "g",
            "ttl": "P1D",
            "attribute_key": {"name": "k", "property": {"type": "entity", "vendor": "v", "name": "n",
                                                         "major_version": 1, "path": "id", "index": 1}},
            "attributes": [{"name": "n", "type": "int32", "aggregation": "counter", "criteria": criteria}],
        },
    ]  # fmt: skip
    (tmp_path / "a.yaml").write_text(json.dumps(documents))
    assert len(load_definitions([tmp_path / "a.yaml"])) == 2


def test_a_choice_between_many_names_is_told_by_the_nearest(tmp_path: Path) -> None:
    [found] = problems_in(tmp_path / "a.yaml", GROUP.replace("page_url}", "page_urlpth}"))
    assert "attributes.1.property.name: `page_urlpth` is none of the " in found
    assert "did you mean `page_urlpath`, " in found
    assert len(found) < 300


def test_an_unreadable_attribute_does_not_hide_the_rules_that_others_break(tmp_path: Path) -> None:
    text = GROUP.replace("aggregation: counter", "aggregation: cuonter").replace("type: string", "type: int32")
    shape, rule = problems_in(tmp_path / "a.yaml", text.replace("aggregation: last", "aggregation: sum"))
    assert shape.startswith("definition 1 (shop): attributes.0.aggregation: ")
    assert rule.startswith("definition 1 (shop): attributes.1.property: `sum` needs a number")


def test_a_key_in_the_files_that_no_event_holds_is_found(tmp_path: Path) -> None:
    key = "---\nkind: attribute_key\nname: crm\nexternal_column: crm\n"
    [found] = problems_in(tmp_path / "a.yaml", GROUP.replace("domain_userid", "crm") + key)
    assert "attribute group shop version 1: attribute_key: attribute key `crm` names nothing in an event" in found


def test_a_dry_run_names_what_it_leaves_to_the_server(tmp_path: Path, run: Any) -> None:
    service = "---\nkind: service\nname: s\nowner: a@example.com\nattribute_groups: [{name: shop}, {name: other}]\n"
    (tmp_path / "a.yaml").write_text(GROUP.replace("domain_userid", "crm") + service)
    result = run("apply", "a.yaml", "--dry-run")
    assert result.stdout.splitlines() == [
        "would publish attribute group shop version 1 (a.yaml), if the server has attribute key crm",
        "would publish service s (a.yaml), if the server has attribute group other version 1",
    ]
    (tmp_path / "key.yaml").write_text("kind: attribute_key\nname: crm\nkey: user_id\n")
    assert "attribute key crm\n" not in run("apply", "a.yaml", "key.yaml", "--dry-run").stdout


RULES = """
kind: rule_intervention
name: hello
owner: a@example.com
criteria: {attribute: 'shop:views', operator: '>', value: 1}
---
kind: agentic_decision
name: stuck
attribute_key: {name: domain_sessionid}
output_type: boolean
decision_goal: Does this visitor get on?
contexts: [recent]
triggers: [{type: criteria, criteria: {attribute: 'shop:clicks', operator: '>', value: 1}}]
---
kind: event_log
name: recent
attribute_key: {name: domain_sessionid}
events: [{event: {name: page_view}, properties: [{type: atomic, name: page_url}]}]
max_events: 5
max_age_seconds: 60
"""


def test_rules_logs_and_decisions_come_after_what_they_look_at(tmp_path: Path, run: Any) -> None:
    (tmp_path / "a.yaml").write_text(f"{RULES}---{GROUP}")
    assert run("apply", "a.yaml", "--dry-run").stdout.splitlines() == [
        "would publish attribute group shop version 1 (a.yaml)",
        "would publish intervention hello version 1 (a.yaml)",
        "would publish event log recent (a.yaml)",
        "would publish agentic decision stuck (a.yaml), if the server has attribute shop:clicks",
    ]
    (tmp_path / "b.yaml").write_text(
        RULES.replace("value: 1}\n", "value: 1}\ntarget_attribute_keys: [{name: crm}]\n", 1)
    )
    assert run("apply", "b.yaml", "--dry-run").stdout.splitlines()[0] == (
        "would publish intervention hello version 1 (b.yaml), if the server has attribute key crm, attribute shop:views"
    )


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        (
            "operator: '>', value: 1}\n---",
            "operator: in, value: 1}\n---",
            "intervention hello version 1: criteria.value: ",
        ),
        (
            "{name: page_view}",
            "{name: page_view, version: 1-0-0, major_version: 1}",
            "event log recent: events.0.event",
        ),
        ("boolean", "enum", "agentic decision stuck: values: "),
        (
            "decision_goal",
            "decision_gaol",
            "definition 2 (stuck): decision_gaol: there is no such member; did you mean",
        ),
    ],
)
def test_rules_logs_and_decisions_are_checked(tmp_path: Path, right: str, wrong: str, problem: str) -> None:
    assert problems_in(tmp_path / "a.yaml", RULES.replace(right, wrong))[0].startswith(problem)


def test_only_apply_says_that_nothing_was_published(tmp_path: Path, run: Any) -> None:
    (tmp_path / "a.yaml").write_text(GROUP.replace("events", "evnts"))
    assert "Nothing was published." in run("apply", "a.yaml").stderr
    explained = run("explain", "shop", "--file", "a.yaml")
    assert (explained.exit_code, "published" in explained.stderr) == (1, False)
    assert "did you mean `events`?" in explained.stderr
