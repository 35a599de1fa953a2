"""The asynchronous client: the same calls as `snowmelt.sdk.client`, run by the other driver."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from snowmelt.definitions import (
    AgenticContextResponse,
    AgenticDecisionResponse,
    AttributeGroup,
    AttributeKeyId,
    AttributeKeyIdentifiers,
    EventLogResponse,
    InterventionInstance,
    RuleIntervention,
    Service,
)
from snowmelt.definitions.enums import ContextFormat
from snowmelt.definitions.wire import (
    AttributeGroupPlan,
    AttributeGroupResponse,
    AttributeKeyOutput,
    RuleInterventionResponse,
    TestInterventionResponse,
)
from snowmelt.sdk import contexts, flushing, interventions, previews, reading, registry
from snowmelt.sdk.credentials import ApiKey, Credentials, FixedToken
from snowmelt.sdk.drivers import TIMEOUT, AsyncDriver
from snowmelt.sdk.following import follow
from snowmelt.sdk.interventions import Status
from snowmelt.sdk.messages import Call
from snowmelt.sdk.registry import Publishable
from snowmelt.sdk.retry import DEFAULT_RETRY, Retry
from snowmelt.sdk.session import Session
from snowmelt.sdk.subscriptions import AsyncInterventionsSubscription
from snowmelt.sdk.upcoming import UpcomingCalls

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-not-found, import-untyped, unused-ignore]

T = TypeVar("T")


class _AsyncRunner:
    """One session on one pool of connections."""

    def __init__(self, session: Session, driver: AsyncDriver) -> None:
        self._session = session
        self._driver = driver

    async def __call__(self, call: Call[T]) -> T:
        return await self._driver.run(self._session.run(call))

    def subscription(self, targets: AttributeKeyIdentifiers) -> AsyncInterventionsSubscription:
        """A subscription on the same server."""
        return AsyncInterventionsSubscription(self._driver, lambda: follow(self._session, targets))


class AsyncRegistryClient:
    """Definitions on the server: read, list, write and delete them; ``signals.registry``."""

    def __init__(self, run: _AsyncRunner) -> None:
        self._run = run

    async def create_or_update(self, objects: Sequence[Publishable]) -> list[Publishable]:
        """Register definitions in the state that their own ``is_published`` names."""
        return await self._run(registry.write(objects))

    async def delete(self, objects: Sequence[Publishable]) -> None:
        """Remove definitions and what they have computed; they must be unpublished."""
        await self._run(registry.delete(objects))

    async def get_attribute_group(self, name: str, version: int | None = None) -> AttributeGroupResponse:
        """One version of a group, by default its highest."""
        return await self._run(registry.get_group(name, version))

    async def plan_attribute_group(self, definition: AttributeGroup | Mapping[str, Any]) -> AttributeGroupPlan:
        """What publishing a definition of a group would do; nothing is changed.

        Args:
            definition: A group, or the members of its JSON, which need not be valid.
        """
        return await self._run(registry.plan_group(definition))

    async def get_attribute_key(self, name: str) -> AttributeKeyOutput:
        """One attribute key."""
        return await self._run(registry.get_key(name))

    async def get_service(self, name: str) -> Service:
        """One service."""
        return await self._run(registry.get_service(name))

    async def get_event_log(self, name: str) -> EventLogResponse:
        """One event log: its newest definition, and whether that or an older one is in use."""
        return await self._run(registry.get_event_log(name))

    async def get_agentic_decision(self, name: str) -> AgenticDecisionResponse:
        """One agentic decision: its newest definition, and whether that or an older one is in use."""
        return await self._run(registry.get_decision(name))

    async def list_attribute_groups(self) -> list[AttributeGroupResponse]:
        """All versions of all groups."""
        return await self._run(registry.list_groups())

    async def list_attribute_keys(self) -> list[AttributeKeyOutput]:
        """All attribute keys, the built-in ones too."""
        return await self._run(registry.list_keys())

    async def list_services(self) -> list[Service]:
        """All services."""
        return await self._run(registry.list_services())

    async def list_event_logs(self) -> list[EventLogResponse]:
        """All event logs."""
        return await self._run(registry.list_event_logs())

    async def list_agentic_decisions(self) -> list[AgenticDecisionResponse]:
        """All agentic decisions."""
        return await self._run(registry.list_decisions())


class AsyncInterventionsClient:
    """Interventions on the server, one by one; ``signals.interventions``."""

    def __init__(self, run: _AsyncRunner) -> None:
        self._run = run

    async def get(self, name: str, *, version: int | None = None) -> RuleInterventionResponse:
        """One version of an intervention, by default its highest."""
        return await self._run(interventions.get(name, version))

    async def create(self, intervention: RuleIntervention) -> RuleInterventionResponse:
        """Register a version; it must be new."""
        return await self._run(interventions.create(intervention))

    async def update(self, intervention: RuleIntervention) -> RuleInterventionResponse:
        """Replace a version, or change its state; it must be there."""
        return await self._run(interventions.update(intervention))

    async def delete(self, name: str, version: int) -> dict[str, bool]:
        """Remove an unpublished version."""
        return await self._run(interventions.delete(name, version))

    async def list(self) -> Sequence[RuleInterventionResponse]:
        """All versions of all interventions."""
        return await self._run(interventions.all_versions())

    async def publish(self, intervention: InterventionInstance, targets: AttributeKeyIdentifiers) -> Status:
        """See `Signals.push_intervention`."""
        return await self._run(interventions.push(intervention, targets))

    def subscribe(self, targets: AttributeKeyIdentifiers) -> AsyncInterventionsSubscription:
        """See `Signals.pull_interventions`."""
        return self._run.subscription(targets)


class AsyncAttributesClient:
    """Values on the server; ``signals.attributes``."""

    def __init__(self, run: _AsyncRunner) -> None:
        self._run = run

    async def get_service_attributes(self, name: str, attribute_key: str, identifier: str) -> dict[str, Any]:
        """See `Signals.get_service_attributes`."""
        return await self._run(reading.of_service(name, attribute_key, identifier))

    async def get_group_attributes(
        self, name: str, version: int, attributes: list[str] | str, attribute_key: str, identifier: str
    ) -> dict[str, Any]:
        """See `Signals.get_group_attributes`."""
        return await self._run(reading.of_group(name, version, attributes, attribute_key, identifier))

    async def get_agentic_context(
        self, name: str, identifier: str, format: ContextFormat = "json"
    ) -> AgenticContextResponse | str:
        """See `Signals.get_agentic_context`."""
        return await self._run(contexts.of_session(name, identifier, format))


class AsyncPreviewClient:
    """Definitions tried on recent events, without registering them; ``signals.testing``."""

    def __init__(self, run: _AsyncRunner) -> None:
        self._run = run

    async def test_attribute_group(self, request: Any) -> "DataFrame":
        """The attributes of a group over recent events, as a table of pandas.

        Args:
            request: A `TestAttributeGroupRequest`.

        Raises:
            ImportError: pandas is not installed.
        """
        return previews.table(await self.rows(request))

    async def rows(self, request: Any) -> list[dict[str, Any]]:
        """The same as a list of rows, which needs no pandas."""
        return await self._run(previews.of_group(request))

    async def test_intervention(self, request: Any) -> TestInterventionResponse:
        """Whom an intervention would have reached.

        Args:
            request: A `TestInterventionRequest`.
        """
        return await self._run(previews.of_intervention(request))


class _AsyncClient(UpcomingCalls):
    registry: AsyncRegistryClient
    attributes: AsyncAttributesClient
    interventions: AsyncInterventionsClient
    testing: AsyncPreviewClient

    def __init__(
        self,
        api_url: str,
        credentials: Credentials,
        *,
        timeout: float,
        retry: Retry,
        transport: httpx.AsyncBaseTransport | None,
        http_client: httpx.AsyncClient | None,
    ) -> None:
        super().__init__()
        session = Session(api_url, credentials, retry=retry)
        self._driver = AsyncDriver(timeout=timeout, transport=transport, client=http_client)
        self._run = _AsyncRunner(session, self._driver)
        self.registry = AsyncRegistryClient(self._run)
        self.attributes = AsyncAttributesClient(self._run)
        self.interventions = AsyncInterventionsClient(self._run)
        self.testing = AsyncPreviewClient(self._run)

    async def publish(self, objects: Sequence[Publishable]) -> list[Publishable]:
        """See `Signals.publish`."""
        return await self._run(registry.publish(objects))

    async def unpublish(self, objects: Sequence[Publishable]) -> list[Publishable]:
        """See `Signals.unpublish`."""
        return await self._run(registry.unpublish(objects))

    async def delete(self, objects: Sequence[Publishable]) -> None:
        """See `Signals.delete`."""
        await self._run(registry.delete(objects))

    async def get_attribute_group(self, name: str, version: int | None = None) -> AttributeGroupResponse:
        """See `Signals.get_attribute_group`."""
        return await self._run(registry.get_group(name, version))

    async def get_event_log(self, name: str) -> EventLogResponse:
        """See `Signals.get_event_log`."""
        return await self._run(registry.get_event_log(name))

    async def get_service_attributes(self, name: str, attribute_key: str, identifier: str) -> dict[str, Any]:
        """See `Signals.get_service_attributes`."""
        return await self._run(reading.of_service(name, attribute_key, identifier))

    async def get_group_attributes(
        self, name: str, version: int, attributes: list[str] | str, attribute_key: str, identifier: str
    ) -> dict[str, Any]:
        """See `Signals.get_group_attributes`."""
        return await self._run(reading.of_group(name, version, attributes, attribute_key, identifier))

    async def get_agentic_context(
        self, name: str, identifier: str, format: ContextFormat = "json"
    ) -> AgenticContextResponse | str:
        """See `Signals.get_agentic_context`."""
        return await self._run(contexts.of_session(name, identifier, format))

    async def get_service_attributes_batch(
        self, name: str, attribute_key: str, identifiers: Iterable[str]
    ) -> dict[str, dict[str, Any]]:
        """See `Signals.get_service_attributes_batch`."""
        return await self._run(reading.of_service_batch(name, attribute_key, identifiers))

    async def get_group_attributes_batch(
        self,
        name: str,
        version: int,
        attributes: list[str] | str,
        attribute_key: str,
        identifiers: Iterable[str],
    ) -> dict[str, dict[str, Any]]:
        """See `Signals.get_group_attributes_batch`."""
        return await self._run(reading.of_group_batch(name, version, attributes, attribute_key, identifiers))

    async def test(
        self,
        attribute_group: AttributeGroup,
        attribute_key_ids: Sequence[str | AttributeKeyId] | None = None,
        app_ids: Sequence[str] | None = None,
        window: timedelta = previews.HOUR,
    ) -> "DataFrame":
        """See `Signals.test`."""
        request = previews.group_request(attribute_group, attribute_key_ids, app_ids, window)
        return await self.testing.test_attribute_group(request)

    async def test_intervention(
        self,
        intervention: RuleIntervention,
        app_ids: Sequence[str] | None = None,
        window: timedelta = previews.HOUR,
    ) -> TestInterventionResponse:
        """See `Signals.test_intervention`."""
        request = previews.intervention_request(intervention, app_ids, window)
        return await self.testing.test_intervention(request)

    async def flush(self, timeout: float = flushing.USUAL_SECONDS) -> None:
        """See `Signals.flush`."""
        await self._run(flushing.flush(timeout))

    async def push_intervention(self, targets: AttributeKeyIdentifiers, intervention: InterventionInstance) -> Status:
        """See `Signals.push_intervention`."""
        return await self._run(interventions.push(intervention, targets))

    def pull_interventions(self, targets: AttributeKeyIdentifiers) -> AsyncInterventionsSubscription:
        """A subscription to the interventions for the targets, for ``async with`` and ``async for``.

        Args:
            targets: Whose: attribute keys and their identifiers.
        """
        return self._run.subscription(targets)

    async def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncSignals(_AsyncClient):
    """`Signals` for asyncio: the same arguments and methods, each to be awaited, in an ``async with``."""

    def __init__(
        self,
        *,
        api_url: str,
        api_key: str,
        api_key_id: str,
        org_id: str,
        timeout: float = TIMEOUT,
        retry: Retry = DEFAULT_RETRY,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__(
            api_url,
            ApiKey(api_key=api_key, api_key_id=api_key_id, org_id=org_id),
            timeout=timeout,
            retry=retry,
            transport=transport,
            http_client=http_client,
        )


class AsyncSignalsSandbox(_AsyncClient):
    """`SignalsSandbox` for asyncio: the same arguments and methods, each to be awaited.

    >>> import asyncio
    >>> import httpx
    >>> server = httpx.MockTransport(lambda request: httpx.Response(200, json={"visits": [3]}))
    >>> async def visits() -> dict[str, Any]:
    ...     url = "http://localhost"
    ...     async with AsyncSignalsSandbox(api_url=url, sandbox_token="secret", transport=server) as signals:
    ...         return await signals.get_service_attributes("shop", "domain_userid", "218e8926")
    >>> asyncio.run(visits())
    {'visits': 3}
    """

    def __init__(
        self,
        *,
        api_url: str,
        sandbox_token: str,
        timeout: float = TIMEOUT,
        retry: Retry = DEFAULT_RETRY,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__(
            api_url,
            FixedToken(sandbox_token),
            timeout=timeout,
            retry=retry,
            transport=transport,
            http_client=http_client,
        )
