"""The exact requests for interventions, event logs and agentic decisions, over both clients."""

import json
from typing import Any

import httpx
import pytest

from snowmelt.definitions import AgenticDecision, EventLog, RuleIntervention, Service, domain_userid
from snowmelt.definitions.attribute_key import AttributeKey
from snowmelt.sdk.errors import SignalsAPIError, SignalsNotFoundError, SignalsResponseError, SignalsValidationError

CRITERIA = {"attribute": "shop:views", "operator": ">", "value": 3}
RULE = RuleIntervention(name="nudge", version=4, owner="crm@example.com", criteria=CRITERIA)
LOG = EventLog(
    name="recent",
    attribute_key={"name": "domain_sessionid"},
    events=[{"event": {"name": "page_view"}, "properties": [{"type": "atomic", "name": "event_name"}]}],
    max_events=5,
    max_age_seconds=60,
)
DECISION = AgenticDecision(
    name="stuck",
    attribute_key={"name": "domain_sessionid"},
    output_type="boolean",
    decision_goal="Does this visitor get on?",
    contexts=["recent"],
    triggers=[{"criteria": CRITERIA}],
)
SERVICE = Service(name="storefront", attribute_groups=[{"name": "shop"}], owner="data@example.com")
REGISTRY = "/api/v1/registry"
ENGINES = "/api/v1/engines"


def test_publish_goes_from_keys_to_decisions(talk: Any, script: Any, echo: Any) -> None:
    server = script(echo)
    key = AttributeKey(name="person", key="user_id")
    published = talk(server, lambda signals: signals.publish([DECISION, LOG, RULE, SERVICE, key]))
    assert server.lines == [
        f"POST {REGISTRY}/attribute_keys/",
        f"POST {REGISTRY}/services/",
        f"POST {REGISTRY}/interventions/",
        f"POST {REGISTRY}/event_logs/",
        f"POST {ENGINES}/publish",
        f"POST {REGISTRY}/agentic_decisions/",
        f"POST {ENGINES}/publish",
    ]
    bodies = [one.body for one in server.asked]
    assert bodies[2] == RULE.to_wire() | {"is_published": True}
    # What has drafts does not say its state itself.
    assert bodies[3] == LOG.to_wire()
    assert "is_published" not in bodies[3] | bodies[5]
    assert [bodies[4], bodies[6]] == [{"event_logs": [{"name": "recent"}]}, {"agentic_decisions": [{"name": "stuck"}]}]
    assert [type(one) for one in published] == [AttributeKey, Service, RuleIntervention, EventLog, AgenticDecision]
    assert all(one.is_published for one in published)
    assert not (LOG.is_published or RULE.is_published or DECISION.is_published)


def test_what_exists_is_replaced(talk: Any, script: Any, echo: Any) -> None:
    server = script(400, echo, 400, echo, {"status": "unpublished"}, 400, echo, {"status": "unpublished"})
    (rule, log, decision) = talk(server, lambda signals: signals.unpublish([RULE, LOG, DECISION]))
    assert server.lines == [
        f"POST {REGISTRY}/interventions/",
        f"PUT {REGISTRY}/interventions/nudge/versions/4",
        f"POST {REGISTRY}/event_logs/",
        f"PUT {REGISTRY}/event_logs/recent",
        f"POST {ENGINES}/unpublish",
        f"POST {REGISTRY}/agentic_decisions/",
        f"PUT {REGISTRY}/agentic_decisions/stuck",
        f"POST {ENGINES}/unpublish",
    ]
    assert not (rule.is_published or log.is_published or decision.is_published)


def test_a_refused_publication_names_the_definition(talk: Any, script: Any, echo: Any) -> None:
    refusal = {"detail": [{"loc": ["body", "contexts", 0], "msg": "there is no such log", "type": "unknown"}]}
    server = script(echo, echo, httpx.Response(422, json=refusal))
    with pytest.raises(SignalsValidationError, match="there is no such log") as caught:
        talk(server, lambda signals: signals.publish([RULE, DECISION]))
    assert caught.value.__notes__ == [
        "while writing AgenticDecision stuck version 1",
        "written before it: RuleIntervention nudge version 4",
    ]


def test_delete_goes_backwards(talk: Any, script: Any) -> None:
    server = script({"ok": True})
    assert talk(server, lambda signals: signals.delete([RULE, DECISION, domain_userid, LOG])) is None
    assert server.lines == [
        f"DELETE {REGISTRY}/agentic_decisions/stuck",
        f"DELETE {REGISTRY}/event_logs/recent",
        f"DELETE {REGISTRY}/interventions/nudge/versions/4",
        f"DELETE {REGISTRY}/attribute_keys/domain_userid",
    ]


def test_interventions_one_by_one(talk: Any, script: Any, echo: Any) -> None:
    stamped = {**RULE.to_wire(), "created_at": "2026-01-01T00:00:00Z"}
    server = script(stamped, stamped, [stamped, {**stamped, "version": 5}], echo, echo, {"ok": True})
    assert talk(server, lambda signals: signals.interventions.get("nudge")).criteria == RULE.criteria
    assert talk(server, lambda signals: signals.interventions.get("nudge", version=4)).created_at.year == 2026
    assert [one.version for one in talk(server, lambda signals: signals.interventions.list())] == [4, 5]
    assert talk(server, lambda signals: signals.interventions.create(RULE)).version == 4
    read = RULE.model_validate(stamped)
    assert not talk(server, lambda signals: signals.interventions.update(read)).is_published
    assert talk(server, lambda signals: signals.interventions.delete("nudge", 4)) == {"ok": True}
    assert server.lines == [
        f"GET {REGISTRY}/interventions/nudge",
        f"GET {REGISTRY}/interventions/nudge/versions/4",
        f"GET {REGISTRY}/interventions/",
        f"POST {REGISTRY}/interventions/",
        f"PUT {REGISTRY}/interventions/nudge/versions/4",
        f"DELETE {REGISTRY}/interventions/nudge/versions/4",
    ]
    assert [one.body for one in server.asked[3:5]] == [RULE.to_wire()] * 2


def test_what_was_read_can_be_written_back(talk: Any, script: Any, echo: Any) -> None:
    """Answers hold nulls and dates; they are not sent."""
    server = script({**RULE.to_wire(), "description": None, "updated_at": "2026-01-01T00:00:00Z"}, echo)
    read = talk(server, lambda signals: signals.interventions.get("nudge"))
    talk(server, lambda signals: signals.interventions.update(read))
    assert None not in server.asked[1].body.values()
    assert server.asked[1].body.items() >= RULE.to_wire().items()


def test_creating_what_exists_does_not_replace_it(talk: Any, script: Any) -> None:
    server = script(400)
    with pytest.raises(SignalsAPIError) as caught:
        talk(server, lambda signals: signals.interventions.create(RULE))
    assert caught.value.status_code == 400
    assert server.lines == [f"POST {REGISTRY}/interventions/"]


def test_drafted_definitions_are_read_with_their_states(talk: Any, script: Any) -> None:
    log = {**LOG.to_wire(), "is_published": False, "has_published_version": True}
    decision = {**DECISION.to_wire(), "is_published": True, "has_published_version": True, "evaluation": "none"}
    server = script(log, log, [log], decision, [decision])
    for read in (lambda signals: signals.get_event_log("recent"), lambda s: s.registry.get_event_log("recent")):
        found = talk(server, read)
        assert (found.name, found.is_published, found.has_published_version) == ("recent", False, True)
    assert [one.max_events for one in talk(server, lambda signals: signals.registry.list_event_logs())] == [5]
    assert talk(server, lambda signals: signals.registry.get_agentic_decision("stuck")).is_published
    assert len(talk(server, lambda signals: signals.registry.list_agentic_decisions())) == 1
    assert server.lines == [
        f"GET {REGISTRY}/event_logs/recent",
        f"GET {REGISTRY}/event_logs/recent",
        f"GET {REGISTRY}/event_logs/",
        f"GET {REGISTRY}/agentic_decisions/stuck",
        f"GET {REGISTRY}/agentic_decisions/",
    ]


def test_a_name_cannot_leave_its_path(talk: Any, script: Any) -> None:
    server = script(404)
    with pytest.raises(SignalsNotFoundError):
        talk(server, lambda signals: signals.interventions.get("../keys?x=1", version=2))
    with pytest.raises(SignalsNotFoundError):
        talk(server, lambda signals: signals.interventions.delete("../keys", 1))
    assert server.lines == [
        f"GET {REGISTRY}/interventions/..%2Fkeys%3Fx%3D1/versions/2",
        f"DELETE {REGISTRY}/interventions/..%2Fkeys/versions/1",
    ]


@pytest.mark.parametrize("body", [{}, "text", [1]])
def test_an_answer_of_another_shape_is_named(talk: Any, script: Any, body: Any) -> None:
    answer = httpx.Response(200, content=json.dumps(body))
    for call in (lambda s: s.interventions.get("nudge"), lambda s: s.interventions.list()):
        with pytest.raises(SignalsResponseError, match="Does api_url point at"):
            talk(script(answer), call)
