"""Bodies that requests may have, for the OpenAPI document: one shop, told once through all kinds of definition."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from snowmelt.api.key_bodies import ApiKeyRequest, SubscriptionTokenRequest
from snowmelt.definitions import (
    AgenticDecision,
    AttributeGroup,
    AttributeKey,
    BatchSource,
    EventLog,
    InterventionInstance,
    RuleIntervention,
    Service,
)
from snowmelt.definitions.wire import (
    AgenticAttribute,
    GetAttributeGroupAttributesRequest,
    GetServiceAttributesRequest,
    SelectivePublishRequest,
    TestAttributeGroupRequest,
    TestInterventionRequest,
    UnpublishRequest,
)

_OWNER: Final = "you@example.com"
_SESSION: Final = {"name": "domain_sessionid"}
_MANY_VIEWS: Final = {"attribute": "visits:page_views", "operator": ">", "value": 3}
_DECISION: Final = {
    "name": "stuck",
    "attribute_key": _SESSION,
    "output_type": "boolean",
    "contexts": ["recent"],
    "triggers": [{"type": "criteria", "criteria": _MANY_VIEWS}],
}
_QUESTION: Final = "Does this visitor need help?"
_USERS: Final = {
    "services": [{"name": "visits"}],
    "interventions": [{"name": "welcome_back", "version": 1}],
    "event_logs": [{"name": "recent"}],
    "agentic_decisions": [{"name": "stuck"}],
}

EXAMPLES: Final[Mapping[type[BaseModel], dict[str, Any]]] = {
    AttributeKey: {
        "name": "customer",
        "owner": _OWNER,
        "property": {
            "type": "entity",
            "vendor": "com.example",
            "name": "customer",
            "major_version": 1,
            "path": "id",
        },
    },
    AttributeGroup: {
        "name": "visits",
        "version": 1,
        "owner": _OWNER,
        "attribute_key": _SESSION,
        "attributes": [
            {"name": "page_views", "type": "int32", "aggregation": "counter", "events": [{"name": "page_view"}]},
            {
                "name": "last_page",
                "type": "string",
                "aggregation": "last",
                "events": [{"name": "page_view"}],
                "property": {"type": "atomic", "name": "page_urlpath"},
                "default_value": "/",
            },
        ],
    },
    BatchSource: {
        "name": "crm",
        "database": "ANALYTICS",
        "schema": "CRM",
        "table": "CUSTOMERS",
        "timestamp_field": "UPDATED_AT",
    },
    Service: {"name": "visits", "owner": _OWNER, "attribute_groups": [{"name": "visits", "version": 1}]},
    RuleIntervention: {
        "name": "welcome_back",
        "version": 1,
        "owner": _OWNER,
        "criteria": {"all": [_MANY_VIEWS]},
    },
    EventLog: {
        "name": "recent",
        "attribute_key": _SESSION,
        "events": [
            {"event": {"name": "page_view"}, "properties": [{"type": "atomic", "name": "page_urlpath"}]},
        ],
        "max_events": 50,
        "max_age_seconds": 1800,
    },
    AgenticDecision: _DECISION | {"decision_goal": _QUESTION},
    AgenticAttribute: _DECISION | {"name": "hesitant", "goal": _QUESTION},
    SelectivePublishRequest: {"attribute_groups": [{"name": "visits", "version": 1}]} | _USERS,
    # The group stays published as long as a service refers to it.
    UnpublishRequest: _USERS,
    ApiKeyRequest: {"role": "reader", "name": "shop", "expires_at": "2100-01-01T00:00:00Z"},
    InterventionInstance: {"name": "welcome_back", "version": 1, "attributes": {"visits:page_views": "4"}},
    TestAttributeGroupRequest: {
        "attribute_group": {
            "name": "visits",
            "version": 2,
            "owner": _OWNER,
            "attribute_key": _SESSION,
            "attributes": [
                {"name": "page_views", "type": "int32", "aggregation": "counter", "events": [{"name": "page_view"}]},
            ],
        },
        "window": "PT30M",
        "attribute_key_ids": ["a-session"],
    },
    TestInterventionRequest: {
        "intervention": {"name": "welcome_back", "version": 2, "owner": _OWNER, "criteria": _MANY_VIEWS},
        "app_ids": ["shop"],
    },
    SubscriptionTokenRequest: {
        "attribute_keys": {"domain_userid": ["218e8926-3858-431d-b2ed-66da03a1cbe5"]},
        "expires_in": 600,
    },
    GetServiceAttributesRequest: {"service": "visits", "attribute_keys": {"domain_sessionid": ["a-session"]}},
    GetAttributeGroupAttributesRequest: {
        "attributes": ["visits_v1:page_views"],
        "attribute_keys": {"domain_sessionid": ["a-session", "another"]},
    },
}
"""Sent one after the other in this order, they all fit."""
