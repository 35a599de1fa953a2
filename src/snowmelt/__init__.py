"""Live attributes of your customers, from a stream of Snowplow events.

Every name of the public Signals SDK is here, and a few of our own; `__all__` is the list. Names load what
they need when first used, so that importing the package costs nothing and never brings in the server.

>>> import snowmelt
>>> snowmelt.Event(name="page_view").name
'page_view'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snowmelt.definitions import (
        AgenticContextResponse,
        AtomicProperty,
        Attribute,
        AttributeGroup,
        AttributeKey,
        AttributeKeyId,
        AttributeKeyIdentifiers,
        AttributesWarehouseTable,
        BatchAttributeGroup,
        BatchSource,
        CalculatedProperty,
        Criteria,
        Criterion,
        DatasetBundle,
        DatasetPreviewResponse,
        DatasetRunResponse,
        DatasetRunStatus,
        DatasetRunStatusResponse,
        EntityProperty,
        Event,
        EventLog,
        EventLogAtomicProperty,
        EventLogEntityProperty,
        EventLogEvent,
        EventLogEventProperty,
        EventLogResponse,
        EventProperty,
        EventSelection,
        ExternalBatchAttributeGroup,
        Field,
        InterventionCriteriaAll,
        InterventionCriteriaAny,
        InterventionCriteriaNone,
        InterventionCriterion,
        InterventionInstance,
        LinkAttributeKey,
        PagePing,
        PageView,
        RuleIntervention,
        Service,
        SessionAnchors,
        StreamAttributeGroup,
        StructuredEvent,
        TrainingSpan,
        UserSuppliedAnchors,
        WarehouseTable,
        domain_sessionid,
        domain_userid,
        network_userid,
        session_attribute_key,
        user_attribute_key,
        user_id,
    )
    from snowmelt.definitions.problems import DefinitionError, Problem
    from snowmelt.errors import SnowmeltError
    from snowmelt.sdk.async_client import AsyncSignals, AsyncSignalsSandbox
    from snowmelt.sdk.client import Signals, SignalsSandbox
    from snowmelt.sdk.errors import (
        NotYetAvailableError,
        SignalsAPIError,
        SignalsApiKeyError,
        SignalsAuthError,
        SignalsBehindError,
        SignalsBusyError,
        SignalsConfigError,
        SignalsConflictError,
        SignalsConnectionError,
        SignalsError,
        SignalsForbiddenError,
        SignalsNotFoundError,
        SignalsResponseError,
        SignalsTimeoutError,
        SignalsValidationError,
    )
    from snowmelt.sdk.retry import Retry

    __version__: str

__all__ = [
    "AgenticContextResponse",
    "AsyncSignals",
    "AsyncSignalsSandbox",
    "AtomicProperty",
    "Attribute",
    "AttributeGroup",
    "AttributeKey",
    "AttributeKeyId",
    "AttributeKeyIdentifiers",
    "AttributesWarehouseTable",
    "BatchAttributeGroup",
    "BatchSource",
    "CalculatedProperty",
    "Criteria",
    "Criterion",
    "DatasetBundle",
    "DatasetPreviewResponse",
    "DatasetRunResponse",
    "DatasetRunStatus",
    "DatasetRunStatusResponse",
    "DefinitionError",
    "EntityProperty",
    "Event",
    "EventLog",
    "EventLogAtomicProperty",
    "EventLogEntityProperty",
    "EventLogEvent",
    "EventLogEventProperty",
    "EventLogResponse",
    "EventProperty",
    "EventSelection",
    "ExternalBatchAttributeGroup",
    "Field",
    "InterventionCriteriaAll",
    "InterventionCriteriaAny",
    "InterventionCriteriaNone",
    "InterventionCriterion",
    "InterventionInstance",
    "LinkAttributeKey",
    "NotYetAvailableError",
    "PagePing",
    "PageView",
    "Problem",
    "Retry",
    "RuleIntervention",
    "Service",
    "SessionAnchors",
    "Signals",
    "SignalsAPIError",
    "SignalsApiKeyError",
    "SignalsAuthError",
    "SignalsBehindError",
    "SignalsBusyError",
    "SignalsConfigError",
    "SignalsConflictError",
    "SignalsConnectionError",
    "SignalsError",
    "SignalsForbiddenError",
    "SignalsNotFoundError",
    "SignalsResponseError",
    "SignalsSandbox",
    "SignalsTimeoutError",
    "SignalsValidationError",
    "SnowmeltError",
    "StreamAttributeGroup",
    "StructuredEvent",
    "TrainingSpan",
    "UserSuppliedAnchors",
    "WarehouseTable",
    "domain_sessionid",
    "domain_userid",
    "network_userid",
    "session_attribute_key",
    "user_attribute_key",
    "user_id",
]

_HOMES = {
    "snowmelt.definitions.problems": ("DefinitionError", "Problem"),
    "snowmelt.errors": ("SnowmeltError",),
    "snowmelt.sdk.async_client": ("AsyncSignals", "AsyncSignalsSandbox"),
    "snowmelt.sdk.client": ("Signals", "SignalsSandbox"),
    "snowmelt.sdk.errors": (
        "NotYetAvailableError",
        "SignalsAPIError",
        "SignalsApiKeyError",
        "SignalsAuthError",
        "SignalsBehindError",
        "SignalsBusyError",
        "SignalsConfigError",
        "SignalsConflictError",
        "SignalsConnectionError",
        "SignalsError",
        "SignalsForbiddenError",
        "SignalsNotFoundError",
        "SignalsResponseError",
        "SignalsTimeoutError",
        "SignalsValidationError",
    ),
    "snowmelt.sdk.retry": ("Retry",),
}
"""The homes of the names that do not live in `snowmelt.definitions`."""

_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

if not TYPE_CHECKING:
    # Hidden from type checkers: they shall know the imports above, and flag every other name.

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            value = import_module("importlib.metadata").version("snowmelt")
        elif name in __all__:
            value = getattr(import_module(_HOME_OF.get(name, "snowmelt.definitions")), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
