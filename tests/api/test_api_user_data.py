"""Exporting and erasing over HTTP: who is meant, what is refused, and what is answered when it takes long."""

from typing import Any

import pytest

from snowmelt.api import user_data
from snowmelt.stores.errors import StoreError

RECEIPT = b'{"id": "0123456789abcdef0123456789abcdef"}'
ID = "0123456789abcdef" * 2


def test_an_erasure_is_asked_for_by_key_and_identifier_and_answers_its_receipt(client: Any, people: Any) -> None:
    people.receipts[ID] = RECEIPT
    answer = client.delete("user_data", params={"domain_userid": ["d-1", "d-2"], "user_id": "ann@example.com"})
    assert (answer.status_code, answer.content) == (200, RECEIPT)
    assert [(one.key, one.identifier) for one in people.erased] == [
        ("domain_userid", "d-1"),
        ("domain_userid", "d-2"),
        ("user_id", "ann@example.com"),
    ]
    assert people.erased[2].places == ("user_id", "uid")
    assert client.get(f"user_data/receipts/{ID}").content == RECEIPT


def test_all_keys_with_the_same_place_in_events_mean_the_same_person(client: Any, people: Any) -> None:
    for name, key in (("user", "domain_userid"), ("visitor", "domain_userid"), ("session", "domain_sessionid")):
        answer = client.post("registry/attribute_keys", json={"name": name, "key": key})
        assert answer.status_code == 201, answer.text
    assert client.get("user_data", params={"visitor": "d-1"}).json() == {"values": []}
    [asked] = people.asked
    assert asked.key == "visitor"
    assert set(asked.names) == {"visitor", "user", "domain_userid"}
    assert asked.places == ("domain_userid", "duid")


def test_a_key_of_the_users_own_is_found_by_the_last_part_of_its_path(client: Any, people: Any) -> None:
    place = {"type": "entity", "vendor": "com.example", "name": "customer", "major_version": 1, "path": "crm.id"}
    assert client.post("registry/attribute_keys", json={"name": "crm", "property": place}).status_code == 201
    client.get("user_data", params={"crm": "c-1"})
    [asked] = people.asked
    assert (asked.names, asked.places) == (("crm",), ("id",))


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "No targets"),
        ("nobody=1", "no attribute key 'nobody'. The attribute keys are domain_sessionid, domain_userid"),
        ("user_id=", "empty"),
        ("user_id=" + "x" * 513, "longer than 512"),
        ("user_id=%ff", "percent-encoded"),
        ("&".join(f"user_id={number}" for number in range(51)), "at most 50"),
    ],
)
def test_who_is_not_named_is_not_erased(client: Any, people: Any, method: str, query: str, says: str) -> None:
    answer = client.request(method, f"user_data?{query}")
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert answer.json()["error"] == answer.json()["detail"]
    assert not people.erased
    assert not people.asked


def test_what_takes_longer_than_a_minute_goes_on(client: Any, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_data, "WAIT_SECONDS", 0.1)
    answer = client.delete("user_data", params={"user_id": "ann"})
    assert (answer.status_code, answer.json()["id"]) == (504, ID)
    assert f"receipts/{ID}" in answer.json()["error"]
    assert client.get(f"user_data/receipts/{ID}").status_code == 404
    people.receipts[ID] = RECEIPT
    assert client.get(f"user_data/receipts/{ID}").status_code == 200


def test_a_request_that_cannot_be_kept_is_refused(client: Any, people: Any) -> None:
    people.error = StoreError("the event log is full")
    answer = client.delete("user_data", params={"user_id": "ann"})
    assert answer.status_code == 503
    assert "the event log is full" in answer.json()["error"]


@pytest.mark.parametrize("id", ["nothing", "..%2f..%2fsandbox.token", "0" * 31, "Z" * 32])
def test_receipts_are_found_by_their_id_only(client: Any, people: Any, id: str) -> None:
    people.receipts[id] = people.receipts["../../sandbox.token"] = RECEIPT
    assert client.get(f"user_data/receipts/{id}").status_code == 404
