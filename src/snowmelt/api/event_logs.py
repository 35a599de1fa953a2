"""``registry/event_logs``: what of a session's events is kept for an assistant."""

from typing import Any

from fastapi import APIRouter

from snowmelt.api.announcer import Announcer
from snowmelt.api.bodies import Body, parse_with_rules
from snowmelt.api.drafts import Collection, drafts_router
from snowmelt.definitions import EventLog
from snowmelt.definitions.rules import check_event_log
from snowmelt.definitions.wire import EventLogAnswer, drafted_members
from snowmelt.stores.registry import Registry, StoredDraft


def event_logs_router(registry: Registry, announcer: Announcer) -> APIRouter:
    """The endpoints of event logs."""
    collection = Collection(
        path="/registry/event_logs",
        title="an event log",
        titles="event logs",
        drafts=registry.event_logs,
        takes=EventLog,
        gives=EventLogAnswer,
        read=_event_log,
        answer=_answer,
    )
    return drafts_router(collection, announcer)


def _event_log(body: Body) -> EventLog:
    return parse_with_rules(EventLog.model_validate, check_event_log, body)


def _answer(stored: StoredDraft[EventLog]) -> dict[str, Any]:
    return drafted_members(
        stored.newest,
        is_published=stored.is_published,
        has_published_version=stored.has_published_version,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )
