"""Previews over both clients: what is asked, and what is made of the answer."""

import sys
from datetime import timedelta
from typing import Any

import pytest

from snowmelt.definitions import (
    Attribute,
    AttributeKeyId,
    InterventionCriterion,
    RuleIntervention,
    StreamAttributeGroup,
    domain_userid,
)
from snowmelt.definitions.wire import TestAttributeGroupRequest
from snowmelt.sdk.errors import SignalsBusyError, SignalsResponseError

GROUP = StreamAttributeGroup(
    name="shop",
    attribute_key=domain_userid,
    owner="a@example.com",
    attributes=[Attribute(name="views", type="int32", aggregation="counter", events=[])],
)
RULE = RuleIntervention(
    name="hello",
    version=1,
    owner="a@example.com",
    criteria=InterventionCriterion(attribute="shop:views", operator=">", value=3),
)
ROWS = [{"domain_userid": "ann", "views": 2}, {"domain_userid": "bob", "views": None}]


def test_a_group_as_a_table(talk: Any, script: Any) -> None:
    server = script(ROWS)
    frame = talk(
        server,
        lambda signals: signals.test(
            GROUP, attribute_key_ids=["ann", AttributeKeyId("bob")], app_ids=["web"], window=timedelta(minutes=5)
        ),
    )
    assert list(frame.columns) == ["domain_userid", "views"] and len(frame) == 2
    (asked,) = server.asked
    assert asked.line == "POST /api/v1/testing/attribute_groups/"
    assert asked.body["window"] == "PT5M" and asked.body["attribute_key_ids"] == ["ann", "bob"]
    assert asked.body["app_ids"] == ["web"] and asked.body["attribute_group"]["name"] == "shop"


def test_a_group_as_rows_without_pandas(talk: Any, script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    request = TestAttributeGroupRequest(attribute_group=GROUP)
    assert talk(script(ROWS), lambda signals: signals.testing.rows(request)) == ROWS
    with pytest.raises(ImportError, match=r"pip install pandas, or use `signals\.testing\.rows`"):
        talk(script(ROWS), lambda signals: signals.testing.test_attribute_group(request))


def test_no_events_make_an_empty_table(talk: Any, script: Any) -> None:
    assert len(talk(script([]), lambda signals: signals.test(GROUP))) == 0


def test_an_intervention(talk: Any, script: Any) -> None:
    server = script({"scanned_count": 120, "matched_count": 3, "matches": {"domain_userid": ["ann"]}})
    found = talk(server, lambda signals: signals.test_intervention(RULE, window=timedelta(hours=2)))
    assert (found.scanned_count, found.matched_count, found.matches) == (120, 3, {"domain_userid": ["ann"]})
    (asked,) = server.asked
    assert asked.line == "POST /api/v1/testing/interventions/"
    assert asked.body["window"] == "PT2H" and asked.body["intervention"]["name"] == "hello"


def test_answers_that_are_none(talk: Any, script: Any) -> None:
    with pytest.raises(SignalsResponseError):
        talk(script({"rows": []}), lambda signals: signals.test(GROUP))
    with pytest.raises(SignalsBusyError):
        talk(script(503), lambda signals: signals.test_intervention(RULE))
