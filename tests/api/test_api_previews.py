"""Previews: what is judged before anything is computed, and how the answers are told."""

from typing import Any

import pytest

from snowmelt.previews.job import PreviewFailed

GROUPS, RULES = "testing/attribute_groups/", "testing/interventions/"
RULE = {
    "name": "hello",
    "version": 1,
    "owner": "a@example.com",
    "criteria": {"attribute": "shop:views", "operator": ">", "value": 3},
}


def locations(answer: Any) -> list[list[Any]]:
    assert answer.status_code == 422, answer.text
    return [one["loc"] for one in answer.json()["detail"]]


def test_a_group_that_is_not_registered(client: Any, group: Any, previews: Any) -> None:
    previews.answer = [{"domain_userid": "ann", "views": 2}]
    answer = client.post(GROUPS, json={"attribute_group": group(), "window": "PT5M", "attribute_key_ids": ["ann"]})
    assert answer.status_code == 200 and answer.json() == previews.answer
    assert answer.headers["snowmelt-events-since"] == "2026-01-01T00:00:00.000Z"
    (job,) = previews.jobs
    assert (job.window_ms, job.key_ids, job.app_ids, job.intervention) == (300_000, ["ann"], [], None)
    assert job.groups[0]["name"] == "shop" and job.groups[0]["attribute_key"]["key"] == "domain_userid"
    assert client.get("registry/attribute_groups/shop").status_code == 404


def test_limits_of_the_request(client: Any, group: Any, previews: Any) -> None:
    body = {"attribute_group": group(), "app_ids": ["a"] * 11, "attribute_key_ids": ["a"] * 51, "window": "soon"}
    assert locations(client.post(GROUPS, json=body)) == [
        ["body", "app_ids"],
        ["body", "window"],
        ["body", "attribute_key_ids"],
    ]
    assert locations(client.post(GROUPS, json={})) == [["body", "attribute_group"]]
    assert previews.jobs == []


def test_a_group_that_could_not_be_published(client: Any, group: Any, previews: Any) -> None:
    wrong = group(attribute_key={"name": "unheard_of"})
    assert locations(client.post(GROUPS, json={"attribute_group": wrong})) == [
        ["body", "attribute_group", "attribute_key", "property"]
    ]
    source = {"name": "crm", "database": "D", "schema_": "S", "table": "T", "timestamp_field": "TS"}
    batch = group(batch_source=source, offline=True)
    answer = client.post(GROUPS, json={"attribute_group": batch})
    assert locations(answer) == [["body", "attribute_group"]]
    assert "warehouse" in answer.json()["detail"][0]["msg"]
    assert previews.jobs == []


def test_whom_an_intervention_would_have_reached(client: Any, group: Any, previews: Any) -> None:
    unknown = client.post(RULES, json={"intervention": RULE})
    assert locations(unknown) == [["body", "intervention", "criteria", "attribute"]]
    assert client.post("registry/attribute_groups", json=group(is_published=True)).status_code == 201
    previews.answer = {"scanned_count": 9, "matched_count": 1, "matches": {"domain_userid": ["ann"]}}
    answer = client.post(RULES, json={"intervention": RULE, "app_ids": ["web"]})
    assert answer.status_code == 200 and answer.json() == previews.answer
    (job,) = previews.jobs
    assert (job.window_ms, job.app_ids, job.sources) == (3_600_000, ["web"], {"shop:views": 0})
    assert job.intervention["name"] == "hello" and [one["name"] for one in job.groups] == ["shop"]


def test_criteria_of_two_groups(client: Any, group: Any) -> None:
    for name in ("shop", "other"):
        assert client.post("registry/attribute_groups", json=group(name=name, is_published=True)).status_code == 201
    both = {"all": [{"attribute": f"{name}:views", "operator": "changed"} for name in ("shop", "other")]}
    answer = client.post(RULES, json={"intervention": RULE | {"criteria": both}})
    assert locations(answer) == [["body", "intervention", "criteria"]]
    assert "one group" in answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("busy", [True, False])
def test_what_cannot_be_computed(client: Any, group: Any, previews: Any, busy: bool) -> None:
    previews.error = PreviewFailed("too much", busy)
    answer = client.post(GROUPS, json={"attribute_group": group()})
    assert answer.status_code == 503
    assert answer.json()["error"] == "The preview cannot be made: too much."
    assert ("retry-after" in answer.headers) is busy
