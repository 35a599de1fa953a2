"""The public face of the definitions, and what importing them costs."""

import subprocess
import sys
from typing import Any

import pytest

import snowmelt.definitions as definitions
from snowmelt.definitions import wire
from snowmelt.definitions.base import Definition

# fmt: off
PUBLIC_SDK = [
    "AgenticContextResponse", "AtomicProperty", "Attribute", "AttributeGroup", "AttributeKey",
    "AttributeKeyId", "AttributeKeyIdentifiers", "AttributesWarehouseTable", "BatchAttributeGroup",
    "BatchSource", "CalculatedProperty", "Criteria", "Criterion", "DatasetBundle",
    "DatasetPreviewResponse", "DatasetRunResponse", "DatasetRunStatus", "DatasetRunStatusResponse",
    "EntityProperty", "Event", "EventLog", "EventLogAtomicProperty", "EventLogEntityProperty",
    "EventLogEvent", "EventLogEventProperty", "EventLogResponse", "EventProperty", "EventSelection",
    "ExternalBatchAttributeGroup", "Field", "InterventionCriteriaAll", "InterventionCriteriaAny",
    "InterventionCriteriaNone", "InterventionCriterion", "InterventionInstance", "LinkAttributeKey",
    "PagePing", "PageView", "RuleIntervention", "Service", "SessionAnchors", "StreamAttributeGroup",
    "StructuredEvent", "TrainingSpan", "UserSuppliedAnchors", "WarehouseTable", "domain_sessionid",
    "domain_userid", "network_userid", "session_attribute_key", "user_attribute_key", "user_id",
]
# fmt: on
"""The definitions among the names that the public SDK exports."""

# fmt: off
OURS = [
    "AgenticAttributeResult", "AgenticDecision", "AgenticDecisionAgentConfig",
    "AgenticDecisionEvaluationPolicy", "AgenticDecisionResponse", "AgenticDecisionValue",
    "AttributeSqlFile", "BaseIntervention", "CriteriaTrigger", "DatasetAttributeGroups",
    "DatasetBundleRequest", "DatasetBundleResponse", "DatasetEvent", "DatasetRunCancelResponse",
    "DatasetSqlFile", "Definition", "DefinitionError", "Problem", "TargetAttributeKey",
    "VersionedLinkAttributeGroup", "read_group",
]
# fmt: on


def test_the_public_names() -> None:
    assert sorted(PUBLIC_SDK + OURS) == definitions.__all__
    assert definitions.__all__ == sorted(set(definitions.__all__))


@pytest.mark.parametrize("room", [definitions, wire], ids=lambda room: room.__name__)
def test_every_public_name_is_there(room: Any) -> None:
    assert [name for name in room.__all__ if not hasattr(room, name)] == []


def models(room: Any) -> list[type[Definition]]:
    found = (getattr(room, name) for name in room.__all__)
    return [item for item in found if isinstance(item, type) and issubclass(item, Definition)]


@pytest.mark.parametrize("model", [*models(definitions), *models(wire)], ids=lambda model: model.__name__)
def test_every_model_is_complete_and_described(model: type[Definition]) -> None:
    model.model_rebuild(raise_errors=True)
    assert model.__doc__
    assert model.model_json_schema(by_alias=True)
    undescribed = [
        name for name, field in model.model_fields.items() if not field.description and name not in ("type", "mode")
    ]
    assert undescribed == []


def test_importing_is_cheap() -> None:
    """Nothing of a server, no e-mail library before the first address, no data frames."""
    script = "import sys, snowmelt.definitions; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(answer.stdout.split())
    unwanted = {
        "email_validator",
        "dns",
        "pandas",
        "msgspec",
        "fastapi",
        "httpx",
        "sqlalchemy",
        "lmdb",
        "asyncio",
    }
    assert loaded & unwanted == set()
