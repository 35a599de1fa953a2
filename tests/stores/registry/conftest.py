"""A registry in a folder of its own, and definitions to put into it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from snowmelt.definitions import AgenticDecision, AttributeGroup, EventLog, RuleIntervention, Service
from snowmelt.definitions.attribute_group import read_group
from snowmelt.stores.registry import Registry

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """Stands still until moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.sqlite"


@pytest.fixture
def registry(path: Path, clock: Clock) -> Iterator[Registry]:
    with Registry.open(path, clock=clock) as registry:
        yield registry


@pytest.fixture
def group() -> Callable[..., AttributeGroup]:
    """Makes a stream group with one counter; any member can be given."""

    def make(name: str = "shop", version: int = 1, **members: Any) -> AttributeGroup:
        body = {
            "name": name,
            "version": version,
            "owner": "data@example.com",
            "attribute_key": {"name": "user_id"},
            "attributes": [{"name": "views", "type": "int32", "aggregation": "counter"}],
        }
        return read_group(body | members)

    return make


@pytest.fixture
def service() -> Callable[..., Service]:
    """Makes a service of (name, version) links."""

    def make(name: str, *links: tuple[str, int], **members: Any) -> Service:
        groups = [{"name": group, "version": version} for group, version in links]
        return Service.model_validate({"name": name, "owner": "data@example.com", "attribute_groups": groups} | members)

    return make


@pytest.fixture
def rule() -> Callable[..., RuleIntervention]:
    """Makes an intervention on ``shop:views``; any member can be given."""

    def make(name: str = "nudge", version: int = 1, **members: Any) -> RuleIntervention:
        criteria = {"attribute": "shop:views", "operator": ">", "value": 3}
        body = {"name": name, "version": version, "owner": "crm@example.com", "criteria": criteria}
        return RuleIntervention.model_validate(body | members)

    return make


@pytest.fixture
def event_log() -> Callable[..., EventLog]:
    """Makes an event log of page views; any member can be given."""

    def make(name: str = "recent", **members: Any) -> EventLog:
        kept = [{"type": "atomic", "name": "page_urlpath"}]
        body = {
            "name": name,
            "attribute_key": {"name": "domain_sessionid"},
            "events": [{"event": {"name": "page_view"}, "properties": kept}],
            "max_events": 50,
            "max_age_seconds": 1800,
        }
        return EventLog.model_validate(body | members)

    return make


@pytest.fixture
def decision() -> Callable[..., AgenticDecision]:
    """Makes an agentic decision about ``recent``, triggered by ``shop:views``; any member can be given."""

    def make(name: str = "stuck", **members: Any) -> AgenticDecision:
        criteria = {"attribute": "shop:views", "operator": ">", "value": 3}
        body = {
            "name": name,
            "attribute_key": {"name": "domain_sessionid"},
            "output_type": "boolean",
            "decision_goal": "Does this visitor find what they look for?",
            "contexts": ["recent"],
            "triggers": [{"type": "criteria", "criteria": criteria}],
        }
        return AgenticDecision.model_validate(body | members)

    return make
