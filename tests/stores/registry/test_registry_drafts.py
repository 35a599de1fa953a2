"""Event logs and agentic decisions: a draft beside what is live."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowmelt.stores.registry import (
    AlreadyExists,
    InUse,
    InvalidDefinition,
    NotFound,
    OnlyDraft,
    References,
    Registry,
    StillPublished,
    TooManyPublished,
)

RECENT = References(event_logs=["recent"])
STUCK = References(agentic_decisions=["stuck"])


def states(stored: Any) -> tuple[bool, bool]:
    return stored.is_published, stored.has_published_version


def test_a_definition_goes_from_draft_to_live_and_back(registry: Registry, event_log) -> None:
    created = registry.event_logs.create(event_log(prompt="Help."))
    assert (created.newest, states(created)) == (event_log(prompt="Help."), (False, False))
    with pytest.raises(AlreadyExists, match="PUT registry/event_logs/recent"):
        registry.event_logs.create(event_log())
    assert states(registry.event_logs.update(event_log())) == (False, False)
    registry.publishing.publish(RECENT)
    assert states(registry.event_logs.get("recent")) == (True, True)

    pending = registry.event_logs.update(event_log(max_events=9))
    assert (states(pending), pending.live, pending.newest.max_events) == ((False, True), event_log(), 9)
    assert [states(stored) for stored in registry.event_logs.all()] == [(False, True)]
    with pytest.raises(StillPublished):
        registry.event_logs.delete("recent")
    registry.publishing.publish(RECENT)
    live = registry.event_logs.get("recent")
    assert (states(live), live.newest) == ((True, True), event_log(max_events=9))

    registry.publishing.unpublish(RECENT)
    assert states(registry.event_logs.get("recent")) == (False, False)
    registry.event_logs.delete("recent")
    with pytest.raises(NotFound):
        registry.event_logs.get("recent")


def test_a_draft_is_discarded(registry: Registry, event_log) -> None:
    registry.event_logs.create(event_log())
    with pytest.raises(OnlyDraft, match="DELETE registry/event_logs/recent"):
        registry.event_logs.discard("recent")
    registry.publishing.publish(RECENT)
    with pytest.raises(NotFound, match="no draft"):
        registry.event_logs.discard("recent")
    registry.event_logs.update(event_log(max_events=9))
    assert states(registry.event_logs.discard("recent")) == (True, True)
    assert registry.event_logs.get("recent").newest == event_log()


def test_what_equals_the_live_definition_leaves_no_draft(registry: Registry, event_log) -> None:
    registry.event_logs.create(event_log())
    registry.publishing.publish(RECENT)
    revision = registry.revision()
    assert states(registry.event_logs.update(event_log())) == (True, True)
    assert registry.revision() == revision
    registry.event_logs.update(event_log(max_events=9))
    assert states(registry.event_logs.update(event_log())) == (True, True)


def test_unpublishing_keeps_the_draft_that_waits(registry: Registry, event_log) -> None:
    registry.event_logs.create(event_log())
    registry.publishing.publish(RECENT)
    registry.event_logs.update(event_log(max_events=9))
    registry.publishing.unpublish(RECENT)
    stored = registry.event_logs.get("recent")
    assert (states(stored), stored.newest.max_events) == ((False, False), 9)


@pytest.mark.parametrize("repeat", ["publish", "unpublish"])
def test_repeating_changes_nothing(registry: Registry, event_log, repeat: str) -> None:
    registry.event_logs.create(event_log())
    registry.publishing.publish(RECENT)
    getattr(registry.publishing, repeat)(RECENT)
    revision = registry.revision()
    getattr(registry.publishing, repeat)(RECENT)
    assert registry.revision() == revision


@given(st.lists(st.sampled_from(["edit", "same", "publish", "unpublish", "discard"]), max_size=12))
def test_laws_of_any_history_of_a_draft(tmp_path_factory: Any, steps: list[str]) -> None:
    """Something is always there; what is live changes by publishing and unpublishing only."""
    from snowmelt.definitions import EventLog

    kept = [{"event": {"name": "page_view"}, "properties": [{"type": "atomic", "name": "page_url"}]}]
    body = {"name": "recent", "attribute_key": {"name": "domain_sessionid"}, "events": kept, "max_age_seconds": 60}
    with Registry.open(tmp_path_factory.mktemp("drafts") / "registry.sqlite") as registry:
        newest = live = EventLog.model_validate(body | {"max_events": 1})
        registry.event_logs.create(newest)
        live = None
        ids = set()
        for number, step in enumerate(steps):
            match step:
                case "edit" | "same":
                    written = newest if step == "same" else newest.model_copy(update={"max_events": 2 + number})
                    registry.event_logs.update(written)
                    newest = written
                case "publish":
                    registry.publishing.publish(RECENT)
                    live = newest
                case "unpublish":
                    registry.publishing.unpublish(RECENT)
                    live = None
                case "discard" if live is not None and newest != live:
                    registry.event_logs.discard("recent")
                    newest = live
            stored = registry.event_logs.get("recent")
            assert (stored.newest, stored.live) == (newest, live)
            assert states(stored) == (newest == live, live is not None)
            ids |= {stored.state_id} - {None}
            # Only limits were changed, so what was kept stays good, also while nothing is live.
            assert len(ids) == ("publish" in steps[: number + 1])
            assert (stored.state_id is None) == (not ids)
            for entry in json.loads(registry.snapshot())["event_logs"]:
                assert entry["published"] == (live is not None)
                assert entry["event_log"] == (live or newest).to_wire()


def test_other_events_are_kept_under_another_id(registry: Registry, event_log) -> None:
    registry.event_logs.create(event_log())
    registry.publishing.publish(RECENT)
    first = registry.event_logs.get("recent").state_id
    kept = [{"event": {"name": "search"}, "properties": [{"type": "atomic", "name": "page_urlpath"}]}]
    registry.event_logs.update(event_log(events=kept))
    assert registry.event_logs.get("recent").state_id == first
    registry.publishing.publish(RECENT)
    assert registry.event_logs.get("recent").state_id not in (first, None)


def test_what_was_kept_goes_when_nothing_can_go_on_with_it(registry: Registry, event_log) -> None:
    def frozen() -> list[Any]:
        return [(entry["state_id"], entry["published"]) for entry in json.loads(registry.snapshot())["event_logs"]]

    registry.event_logs.create(event_log())
    assert frozen() == []
    registry.publishing.publish(RECENT)
    first = registry.event_logs.get("recent").state_id
    registry.publishing.unpublish(RECENT)
    assert frozen() == [(first, False)]
    kept = [{"event": {"name": "search"}, "properties": [{"type": "atomic", "name": "page_urlpath"}]}]
    registry.event_logs.update(event_log(events=kept))
    assert frozen() == []
    registry.event_logs.update(event_log())
    registry.publishing.publish(RECENT)
    second = registry.event_logs.get("recent").state_id
    assert second not in (first, None)
    registry.event_logs.update(event_log(events=kept))
    registry.publishing.unpublish(RECENT)
    assert frozen() == []
    registry.publishing.publish(RECENT)
    registry.publishing.unpublish(RECENT)
    assert len(frozen()) == 1
    registry.event_logs.delete("recent")
    assert frozen() == []


def test_a_draft_keeps_the_rules_too(registry: Registry, event_log, decision) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        registry.event_logs.create(event_log(attribute_key={"name": "user_id"}))
    assert [problem.loc for problem in caught.value.problems] == [("attribute_key", "name")]
    with pytest.raises(InvalidDefinition) as caught:
        registry.agentic_decisions.create(decision(output_type="enum"))
    assert [problem.loc for problem in caught.value.problems] == [("values",)]


def test_a_decision_goes_live_with_what_it_refers_to(registry: Registry, group, event_log, decision) -> None:
    registry.groups.create(group())
    registry.event_logs.create(event_log())
    registry.agentic_decisions.create(decision(contexts=["recent", "absent"]))
    with pytest.raises(InvalidDefinition) as caught:
        registry.publishing.publish(STUCK)
    assert [problem.loc for problem in caught.value.problems] == [
        ("contexts", 0),
        ("contexts", 1),
        ("triggers", 0, "criteria", "attribute"),
    ]
    registry.agentic_decisions.update(decision())
    registry.publishing.publish(References(groups=[("shop", 1)], event_logs=["recent"], agentic_decisions=["stuck"]))
    assert states(registry.agentic_decisions.get("stuck")) == (True, True)
    with pytest.raises(InUse, match="agentic decision stuck"):
        registry.publishing.unpublish(RECENT)
    both = References(event_logs=["recent"], agentic_decisions=["stuck"])
    registry.publishing.unpublish(both)
    registry.publishing.publish(both)
    registry.publishing.unpublish(References(groups=[("shop", 1)]))
    assert states(registry.agentic_decisions.get("stuck")) == (False, False)
    registry.publishing.unpublish(RECENT)
    assert "agentic_decisions" not in json.loads(registry.snapshot())


def test_at_most_twenty_decisions_are_live(registry: Registry, group, event_log, decision) -> None:
    registry.groups.create(group(is_published=True))
    registry.event_logs.create(event_log())
    registry.publishing.publish(RECENT)
    names = [f"decision_{number}" for number in range(21)]
    for name in names:
        registry.agentic_decisions.create(decision(name))
    with pytest.raises(TooManyPublished):
        registry.publishing.publish(References(agentic_decisions=names))
    registry.publishing.publish(References(agentic_decisions=names[:20]))
    registry.publishing.publish(References(agentic_decisions=names[:20]))
    with pytest.raises(TooManyPublished):
        registry.publishing.publish(References(agentic_decisions=names[20:]))


def test_everything_is_published_or_nothing(registry: Registry, group, rule, event_log, decision) -> None:
    registry.groups.create(group())
    registry.interventions.create(rule())
    registry.event_logs.create(event_log())
    registry.agentic_decisions.create(decision())
    everything = {
        "groups": [("shop", 1)],
        "interventions": [("nudge", 1)],
        "event_logs": ["recent"],
        "agentic_decisions": ["stuck"],
    }
    revision = registry.revision()
    for unknown in ({"interventions": [("nudge", 2)]}, {"event_logs": ["absent"]}, {"agentic_decisions": ["absent"]}):
        with pytest.raises(NotFound):
            registry.publishing.publish(References(**(everything | unknown)))
    assert registry.revision() == revision
    registry.publishing.publish(References(**everything))
    assert registry.revision() == revision + 1
    registry.publishing.unpublish(References(**everything))
    assert not registry.groups.get("shop").group.is_published
    assert not registry.interventions.get("nudge").intervention.is_published
    assert states(registry.event_logs.get("recent")) == (False, False)
    assert states(registry.agentic_decisions.get("stuck")) == (False, False)
