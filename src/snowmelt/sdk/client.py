"""The synchronous client."""

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
from snowmelt.sdk.drivers import TIMEOUT, Driver
from snowmelt.sdk.following import follow
from snowmelt.sdk.interventions import Status
from snowmelt.sdk.messages import Call
from snowmelt.sdk.registry import Publishable
from snowmelt.sdk.retry import DEFAULT_RETRY, Retry
from snowmelt.sdk.session import Session
from snowmelt.sdk.subscriptions import InterventionsSubscription
from snowmelt.sdk.upcoming import UpcomingCalls

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-not-found, import-untyped, unused-ignore]

T = TypeVar("T")


class _Runner:
    """One session on one pool of connections."""

    def __init__(self, session: Session, driver: Driver) -> None:
        self._session = session
        self._driver = driver

    def __call__(self, call: Call[T]) -> T:
        return self._driver.run(self._session.run(call))

    def subscription(self, targets: AttributeKeyIdentifiers) -> InterventionsSubscription:
        """A subscription on the same server."""
        return InterventionsSubscription(self._driver, lambda: follow(self._session, targets))


class RegistryClient:
    """Definitions on the server: read, list, write and delete them; ``signals.registry``."""

    def __init__(self, run: _Runner) -> None:
        self._run = run

    def create_or_update(self, objects: Sequence[Publishable]) -> list[Publishable]:
        """Register definitions in the state that their own ``is_published`` names."""
        return self._run(registry.write(objects))

    def delete(self, objects: Sequence[Publishable]) -> None:
        """Remove definitions and what they have computed; they must be unpublished."""
        self._run(registry.delete(objects))

    def get_attribute_group(self, name: str, version: int | None = None) -> AttributeGroupResponse:
        """One version of a group, by default its highest."""
        return self._run(registry.get_group(name, version))

    def plan_attribute_group(self, definition: AttributeGroup | Mapping[str, Any]) -> AttributeGroupPlan:
        """What publishing a definition of a group would do; nothing is changed.

        Args:
            definition: A group, or the members of its JSON, which need not be valid.
        """
        return self._run(registry.plan_group(definition))

    def get_attribute_key(self, name: str) -> AttributeKeyOutput:
        """One attribute key."""
        return self._run(registry.get_key(name))

    def get_service(self, name: str) -> Service:
        """One service."""
        return self._run(registry.get_service(name))

    def get_event_log(self, name: str) -> EventLogResponse:
        """One event log: its newest definition, and whether that or an older one is in use."""
        return self._run(registry.get_event_log(name))

    def get_agentic_decision(self, name: str) -> AgenticDecisionResponse:
        """One agentic decision: its newest definition, and whether that or an older one is in use."""
        return self._run(registry.get_decision(name))

    def list_attribute_groups(self) -> list[AttributeGroupResponse]:
        """All versions of all groups."""
        return self._run(registry.list_groups())

    def list_attribute_keys(self) -> list[AttributeKeyOutput]:
        """All attribute keys, the built-in ones too."""
        return self._run(registry.list_keys())

    def list_services(self) -> list[Service]:
        """All services."""
        return self._run(registry.list_services())

    def list_event_logs(self) -> list[EventLogResponse]:
        """All event logs."""
        return self._run(registry.list_event_logs())

    def list_agentic_decisions(self) -> list[AgenticDecisionResponse]:
        """All agentic decisions."""
        return self._run(registry.list_decisions())


class InterventionsClient:
    """Interventions on the server, one by one; ``signals.interventions``."""

    def __init__(self, run: _Runner) -> None:
        self._run = run

    def get(self, name: str, *, version: int | None = None) -> RuleInterventionResponse:
        """One version of an intervention, by default its highest."""
        return self._run(interventions.get(name, version))

    def create(self, intervention: RuleIntervention) -> RuleInterventionResponse:
        """Register a version; it must be new."""
        return self._run(interventions.create(intervention))

    def update(self, intervention: RuleIntervention) -> RuleInterventionResponse:
        """Replace a version, or change its state; it must be there."""
        return self._run(interventions.update(intervention))

    def delete(self, name: str, version: int) -> dict[str, bool]:
        """Remove an unpublished version."""
        return self._run(interventions.delete(name, version))

    def list(self) -> Sequence[RuleInterventionResponse]:
        """All versions of all interventions."""
        return self._run(interventions.all_versions())

    def publish(self, intervention: InterventionInstance, targets: AttributeKeyIdentifiers) -> Status:
        """See `Signals.push_intervention`."""
        return self._run(interventions.push(intervention, targets))

    def subscribe(self, targets: AttributeKeyIdentifiers) -> InterventionsSubscription:
        """See `Signals.pull_interventions`."""
        return self._run.subscription(targets)


class AttributesClient:
    """Values on the server; ``signals.attributes``."""

    def __init__(self, run: _Runner) -> None:
        self._run = run

    def get_service_attributes(self, name: str, attribute_key: str, identifier: str) -> dict[str, Any]:
        """See `Signals.get_service_attributes`."""
        return self._run(reading.of_service(name, attribute_key, identifier))

    def get_group_attributes(
        self, name: str, version: int, attributes: list[str] | str, attribute_key: str, identifier: str
    ) -> dict[str, Any]:
        """See `Signals.get_group_attributes`."""
        return self._run(reading.of_group(name, version, attributes, attribute_key, identifier))

    def get_agentic_context(
        self, name: str, identifier: str, format: ContextFormat = "json"
    ) -> AgenticContextResponse | str:
        """See `Signals.get_agentic_context`."""
        return self._run(contexts.of_session(name, identifier, format))


class PreviewClient:
    """Definitions tried on recent events, without registering them; ``signals.testing``."""

    def __init__(self, run: _Runner) -> None:
        self._run = run

    def test_attribute_group(self, request: Any) -> "DataFrame":
        """The attributes of a group over recent events, as a table of pandas.

        Args:
            request: A `TestAttributeGroupRequest`.

        Raises:
            ImportError: pandas is not installed.
        """
        return previews.table(self.rows(request))

    def rows(self, request: Any) -> list[dict[str, Any]]:
        """The same as a list of rows, which needs no pandas."""
        return self._run(previews.of_group(request))

    def test_intervention(self, request: Any) -> TestInterventionResponse:
        """Whom an intervention would have reached.

        Args:
            request: A `TestInterventionRequest`.
        """
        return self._run(previews.of_intervention(request))


class _Client(UpcomingCalls):
    registry: RegistryClient
    attributes: AttributesClient
    interventions: InterventionsClient
    testing: PreviewClient

    def __init__(
        self,
        api_url: str,
        credentials: Credentials,
        *,
        timeout: float,
        retry: Retry,
        transport: httpx.BaseTransport | None,
        http_client: httpx.Client | None,
    ) -> None:
        super().__init__()
        session = Session(api_url, credentials, retry=retry)
        self._driver = Driver(timeout=timeout, transport=transport, client=http_client)
        self._run = _Runner(session, self._driver)
        self.registry = RegistryClient(self._run)
        self.attributes = AttributesClient(self._run)
        self.interventions = InterventionsClient(self._run)
        self.testing = PreviewClient(self._run)

    def publish(self, objects: Sequence[Publishable]) -> list[Publishable]:
        """Register definitions and put them to use; from now on events count.

        A published version of a group never changes: publishing the same again is fine, a changed definition
        needs a higher version. The order in the list does not matter.

        Args:
            objects: Attribute keys, attribute groups, services, interventions, event logs, agentic decisions.

        Returns:
            The definitions as the server has them, in that order of kinds.

        Raises:
            SignalsValidationError: A definition is wrong; ``problems`` lists everything.
            SignalsConflictError: A published version would change.
        """
        return self._run(registry.publish(objects))

    def unpublish(self, objects: Sequence[Publishable]) -> list[Publishable]:
        """Take definitions out of use: events no longer count, and what was computed stays readable.

        Args:
            objects: Definitions of any kind.

        Raises:
            SignalsConflictError: Something published still uses one of them.
        """
        return self._run(registry.unpublish(objects))

    def delete(self, objects: Sequence[Publishable]) -> None:
        """Remove unpublished definitions and everything they have computed.

        Args:
            objects: Definitions of any kind.

        Raises:
            SignalsConflictError: One of them is published or in use.
            SignalsNotFoundError: One of them is not registered.
        """
        self._run(registry.delete(objects))

    def get_attribute_group(self, name: str, version: int | None = None) -> AttributeGroupResponse:
        """One version of a group, by default its highest, published or not.

        Raises:
            SignalsNotFoundError: There is none.
        """
        return self._run(registry.get_group(name, version))

    def get_event_log(self, name: str) -> EventLogResponse:
        """One event log: its newest definition, and whether that or an older one is in use.

        Raises:
            SignalsNotFoundError: There is none.
        """
        return self._run(registry.get_event_log(name))

    def get_service_attributes(self, name: str, attribute_key: str, identifier: str) -> dict[str, Any]:
        """The present values of all attributes of a service, for one customer, session or other key.

        Args:
            name: The service.
            attribute_key: The name of the key, such as ``domain_userid``.
            identifier: The key's value.

        Returns:
            A value for each attribute name; None where nothing is known.

        Raises:
            SignalsNotFoundError: No service of this name is published.
        """
        return self._run(reading.of_service(name, attribute_key, identifier))

    def get_group_attributes(
        self, name: str, version: int, attributes: list[str] | str, attribute_key: str, identifier: str
    ) -> dict[str, Any]:
        """The present values of some attributes of a group.

        Args:
            name: The group.
            version: Its version.
            attributes: Names of attributes, or one name.
            attribute_key: The name of the key, such as ``domain_userid``.
            identifier: The key's value.

        Raises:
            SignalsNotFoundError: The group, the version or an attribute is unknown.
        """
        return self._run(reading.of_group(name, version, attributes, attribute_key, identifier))

    def get_agentic_context(
        self, name: str, identifier: str, format: ContextFormat = "json"
    ) -> AgenticContextResponse | str:
        """What happened lately in a session, oldest first; a session that was never seen has an empty log.

        Args:
            name: The event log; it must be published.
            identifier: The session id.
            format: ``json`` for data, ``narrative`` for text that a prompt can hold.

        Raises:
            SignalsNotFoundError: No event log of this name is published.
        """
        return self._run(contexts.of_session(name, identifier, format))

    def get_service_attributes_batch(
        self, name: str, attribute_key: str, identifiers: Iterable[str]
    ) -> dict[str, dict[str, Any]]:
        """`get_service_attributes` for many identifiers, with one request for each thousand.

        Returns:
            The values for each identifier, in the order given.
        """
        return self._run(reading.of_service_batch(name, attribute_key, identifiers))

    def get_group_attributes_batch(
        self,
        name: str,
        version: int,
        attributes: list[str] | str,
        attribute_key: str,
        identifiers: Iterable[str],
    ) -> dict[str, dict[str, Any]]:
        """`get_group_attributes` for many identifiers, with one request for each thousand.

        Returns:
            The values for each identifier, in the order given.
        """
        return self._run(reading.of_group_batch(name, version, attributes, attribute_key, identifiers))

    def test(
        self,
        attribute_group: AttributeGroup,
        attribute_key_ids: Sequence[str | AttributeKeyId] | None = None,
        app_ids: Sequence[str] | None = None,
        window: timedelta = previews.HOUR,
    ) -> "DataFrame":
        """A table (pandas) of a group's attributes over recent events, without publishing it.

        Args:
            attribute_group: The definition; its attribute key may be registered or described.
            attribute_key_ids: Whose rows, at most 50; a sample of ten if not given. Who had no event has no row.
            app_ids: Only events of these apps, at most 10.
            window: How recent the events are; the server has what its event log still holds.

        Returns:
            A row for each key value: first the key, then each attribute.

        Raises:
            SignalsValidationError: The definition could not be published.
            ImportError: pandas is not installed; `testing.rows` needs none.
        """
        request = previews.group_request(attribute_group, attribute_key_ids, app_ids, window)
        return self.testing.test_attribute_group(request)

    def test_intervention(
        self,
        intervention: RuleIntervention,
        app_ids: Sequence[str] | None = None,
        window: timedelta = previews.HOUR,
    ) -> TestInterventionResponse:
        """Whom an intervention would have reached: of how many keys with events how many match, and some of those.

        Args:
            intervention: Its criteria name attributes of one published group. ``changed`` counts as matching.
            app_ids: Only events of these apps, at most 10.
            window: How recent the events are.

        Raises:
            SignalsValidationError: The intervention could not be published, or names several groups.
        """
        request = previews.intervention_request(intervention, app_ids, window)
        return self.testing.test_intervention(request)

    def flush(self, timeout: float = flushing.USUAL_SECONDS) -> None:
        """Return when everything the server acknowledged before can be read: events, and definitions in force.

        For tests, which otherwise would have to poll. What a tracker has not sent yet is not waited for: flush
        the tracker first. Costs a few milliseconds where nothing else is going on.

        Args:
            timeout: Seconds, at most 60.

        Raises:
            SignalsBehindError: The engine has not caught up in time; ``behind`` says by how much.
            SignalsConfigError: ``timeout`` is no such number.

        >>> import httpx
        >>> from snowmelt.sdk.errors import SignalsBehindError
        >>> server = httpx.MockTransport(lambda request: httpx.Response(504, json={"error": "late", "behind": 2}))
        >>> with SignalsSandbox(api_url="http://localhost", sandbox_token="secret", transport=server) as signals:
        ...     try:
        ...         signals.flush(timeout=1)
        ...     except SignalsBehindError as error:
        ...         print(error.behind)
        2
        """
        self._run(flushing.flush(timeout))

    def push_intervention(self, targets: AttributeKeyIdentifiers, intervention: InterventionInstance) -> Status:
        """Send an intervention to whoever is subscribed to the targets.

        Args:
            targets: To whom: attribute keys and their identifiers.
            intervention: What; its name need not be registered. The server gives it an id.

        Returns:
            ``success`` if a subscriber was there, ``undelivered`` if none was, ``failure`` if the server could
            not send it.

        Raises:
            SignalsAPIError: There are no targets, or one has an unknown attribute key.
        """
        return self._run(interventions.push(intervention, targets))

    def pull_interventions(self, targets: AttributeKeyIdentifiers) -> InterventionsSubscription:
        """A subscription to the interventions for the targets; it receives once it is started.

        Args:
            targets: Whose: attribute keys and their identifiers.
        """
        return self._run.subscription(targets)

    def close(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Signals(_Client):
    """A client that proves itself with an API key.

    It fetches a token from the server at ``api_url`` and renews it when it expires. Connections are kept open
    and may be shared by threads; use it as a context manager, or `close` it.

    Args:
        api_url: Where the server is, such as ``https://signals.example.com``.
        api_key: The secret.
        api_key_id: Its public id.
        org_id: The organization it belongs to.
        timeout: Seconds for each request.
        retry: When and how often requests that may be repeated are.
        transport: Replaces the network, for tests.
        http_client: An httpx client to use instead of an own one; it is left open.

    Raises:
        SignalsConfigError: The address or a credential cannot be one.
    """

    def __init__(
        self,
        *,
        api_url: str,
        api_key: str,
        api_key_id: str,
        org_id: str,
        timeout: float = TIMEOUT,
        retry: Retry = DEFAULT_RETRY,
        transport: httpx.BaseTransport | None = None,
        http_client: httpx.Client | None = None,
    ) -> None:
        super().__init__(
            api_url,
            ApiKey(api_key=api_key, api_key_id=api_key_id, org_id=org_id),
            timeout=timeout,
            retry=retry,
            transport=transport,
            http_client=http_client,
        )


class SignalsSandbox(_Client):
    """A client that proves itself with the token that ``snowmelt serve`` prints.

    Connections are kept open and may be shared by threads; use it as a context manager, or `close` it.

    Args:
        api_url: Where the server is, such as ``http://localhost:8080``.
        sandbox_token: Sent as it is.
        timeout: Seconds for each request.
        retry: When and how often requests that may be repeated are.
        transport: Replaces the network, for tests.
        http_client: An httpx client to use instead of an own one; it is left open.

    Raises:
        SignalsConfigError: The address or a credential cannot be one.

    >>> import httpx
    >>> server = httpx.MockTransport(lambda request: httpx.Response(200, json={"visits": [3]}))
    >>> with SignalsSandbox(api_url="http://localhost", sandbox_token="secret", transport=server) as signals:
    ...     signals.get_service_attributes("shop", "domain_userid", "218e8926-3858-431d-b2ed-66da03a1cbe5")
    {'visits': 3}
    """

    def __init__(
        self,
        *,
        api_url: str,
        sandbox_token: str,
        timeout: float = TIMEOUT,
        retry: Retry = DEFAULT_RETRY,
        transport: httpx.BaseTransport | None = None,
        http_client: httpx.Client | None = None,
    ) -> None:
        super().__init__(
            api_url,
            FixedToken(sandbox_token),
            timeout=timeout,
            retry=retry,
            transport=transport,
            http_client=http_client,
        )
