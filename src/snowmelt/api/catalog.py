"""What can be read, kept ready: the registry's groups, services and event logs, compiled when first asked for."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from snowmelt.api.reading import GroupValues, MakeGroupValues
from snowmelt.compute.event_log_reader import EventLogReader
from snowmelt.definitions import AttributeGroup, EventLog, StreamAttributeGroup
from snowmelt.definitions.problems import DefinitionError, Problem
from snowmelt.errors import SnowmeltError
from snowmelt.stores.registry import ReadEventLog, ReadGroup, Registry

QUALIFIED_NAME: Final = re.compile(r"([A-Za-z0-9_]+)_v([0-9]+):([A-Za-z0-9_]+)")
MAX_PLANS: Final = 4096
"""Plans of attribute lists kept ready; clients use a handful, so this only bounds a hostile one."""


class UnknownName(SnowmeltError):
    """A service, group version, attribute or event log that cannot be read."""

    code = "unknown_name"


class MalformedName(SnowmeltError):
    """An attribute that is not written ``{group}_v{version}:{attribute}``."""

    code = "malformed_name"


class GroupColumns(NamedTuple):
    """The part of an answer that one group version gives.

    Args:
        key: name of the attribute key whose identifiers the group is read with.
        state_id: where its values are stored.
        values: computes them.
        columns: (position among ``values.names``, column of the answer).
    """

    key: str
    state_id: int
    values: GroupValues
    columns: tuple[tuple[int, str], ...]


Plan = tuple[GroupColumns, ...]


class _Compiled(NamedTuple):
    source: ReadGroup
    values: GroupValues


class ReadableLog(NamedTuple):
    """A published event log.

    Args:
        state_id: where its events are stored.
        log: the definition.
        reader: finds the events in what is stored.
        source: what it was made from.
    """

    state_id: int
    log: EventLog
    reader: EventLogReader
    source: ReadEventLog


class Catalog:
    """Answers which stored states and computations a read needs.

    Rebuilt only when the registry's revision has moved, and then only the groups that changed are compiled
    again. For one thread: the event loop's.

    Args:
        registry: the definitions.
        make_values: compiles a group for reading.
    """

    def __init__(self, registry: Registry, make_values: MakeGroupValues) -> None:
        self._registry = registry
        self._make_values = make_values
        self._compiled: dict[tuple[str, int], _Compiled] = {}
        self._logs: dict[str, ReadableLog] = {}
        self._plans: dict[object, Plan] = {}
        self._revision = -1
        self.refresh(registry.revision())

    def refresh(self, revision: int) -> None:
        """Notice changes of any process.

        Args:
            revision: the registry's, at present.
        """
        if revision == self._revision:
            return
        self._model = self._registry.read_model()
        self._compiled = {
            link: compiled
            for link, compiled in self._compiled.items()
            if self._model.groups.get(link) == compiled.source
        }
        self._logs = {
            name: found for name, found in self._logs.items() if self._model.event_logs.get(name) == found.source
        }
        self._plans = {}
        self._revision = self._model.revision

    @property
    def keys(self) -> frozenset[str]:
        """Names of the attribute keys that can be read by."""
        return self._model.keys

    def service(self, name: str, *, qualified: bool) -> Plan:
        """How to read a service.

        Args:
            name: of a published service.
            qualified: name columns ``{group}_v{version}:{attribute}`` instead of by the bare attribute.

        Raises:
            UnknownName: no published service has this name.
        """
        plan = self._plans.get((name, qualified))
        if plan is None:
            links = self._model.services.get(name)
            if links is None:
                raise UnknownName(f"There is no published service {name}. Publish it, then read it.")
            plan = _plan(self._whole_groups(links), qualified=qualified)
            self._keep((name, qualified), plan)
        return plan

    def public_service(self, name: str, *, qualified: bool) -> Plan:
        """How to read a service that needs no token. Arguments are those of ``service``.

        Raises:
            UnknownName: no published service of this name is public; whether there is another kind stays untold.
        """
        if name not in self._model.public:
            raise UnknownName(f"There is no public service {name}. With a token other services can be read.")
        return self.service(name, qualified=qualified)

    def attributes(self, names: Sequence[str], *, qualified: bool) -> Plan:
        """How to read a list of qualified attribute names.

        Args:
            names: each written ``{group}_v{version}:{attribute}``.
            qualified: as for ``service``.

        Raises:
            MalformedName: a name is not of that form.
            UnknownName: a group version or attribute does not exist.
        """
        key = (tuple(names), qualified)
        plan = self._plans.get(key)
        if plan is None:
            plan = _plan(self._single_attributes(names), qualified=qualified)
            self._keep(key, plan)
        return plan

    def event_log(self, name: str) -> ReadableLog:
        """How to read an event log.

        Args:
            name: of a published event log.

        Raises:
            UnknownName: no published event log has this name.
        """
        found = self._logs.get(name)
        if found is None:
            source = self._model.event_logs.get(name)
            if source is None:
                raise UnknownName(f"There is no published event log {name}. Publish it, then read it.")
            log = source.event_log()
            found = self._logs[name] = ReadableLog(source.state_id, log, EventLogReader(log), source)
        return found

    def event_logs(self) -> list[EventLog]:
        """The published event logs, by name."""
        return [self.event_log(name).log for name in self._model.event_logs]

    def _keep(self, key: object, plan: Plan) -> None:
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        self._plans[key] = plan

    def _group(self, link: tuple[str, int]) -> _Compiled:
        compiled = self._compiled.get(link)
        if compiled is None:
            source = self._model.groups.get(link)
            if source is None:
                raise UnknownName(f"There is no attribute group {link[0]} version {link[1]}.")
            compiled = _Compiled(source, self._values(source.group()))
            self._compiled[link] = compiled
        return compiled

    def _values(self, group: AttributeGroup) -> GroupValues:
        if isinstance(group, StreamAttributeGroup):
            with suppress(DefinitionError):  # a draft
                return self._make_values(group)
        defaults = {attribute.name: attribute.default_value for attribute in group.attributes or []}
        return AbsentValues(defaults | {field.name: None for field in group.fields or []})

    def _whole_groups(self, links: Sequence[tuple[str, int]]) -> "Iterator[_Pick]":
        for link in links:
            compiled = self._group(link)
            for position, name in enumerate(compiled.values.names):
                yield _Pick(link, compiled, position, name)

    def _single_attributes(self, names: Sequence[str]) -> "Iterator[_Pick]":
        for qualified_name in names:
            match = QUALIFIED_NAME.fullmatch(qualified_name)
            if match is None:
                raise MalformedName(
                    f"{qualified_name!r} does not name an attribute. "
                    "Write {group}_v{version}:{attribute}, for example shop_v1:cart_value."
                )
            group, version, attribute = match.groups()
            link = (group, int(version))
            compiled = self._group(link)
            if attribute not in compiled.values.names:
                raise UnknownName(f"Attribute group {group} version {version} has no attribute {attribute}.")
            yield _Pick(link, compiled, compiled.values.names.index(attribute), attribute)


class _Pick(NamedTuple):
    link: tuple[str, int]
    compiled: _Compiled
    position: int
    name: str


def _plan(picks: "Iterator[_Pick]", *, qualified: bool) -> Plan:
    """Gather picks by group; of two columns with one name the first stays."""
    taken: set[str] = set()
    groups: dict[tuple[str, int], tuple[_Compiled, list[tuple[int, str]]]] = {}
    for link, compiled, position, name in picks:
        column = f"{link[0]}_v{link[1]}:{name}" if qualified else name
        # A group whose columns are all hidden is still not read for nothing: it is left out below.
        columns = groups.setdefault(link, (compiled, []))[1]
        if column not in taken:
            taken.add(column)
            columns.append((position, column))
    return tuple(
        GroupColumns(compiled.source.key, compiled.source.state_id, compiled.values, tuple(columns))
        for compiled, columns in groups.values()
        if columns
    )


def obstacles(make_values: MakeGroupValues, group: AttributeGroup) -> list[Problem]:
    """What keeps a group from being computed by this release; an empty list if nothing does."""
    try:
        make_values(group)
    except DefinitionError as error:
        return error.problems
    return []


class AbsentValues:
    """Values of a group that nothing computes here, a warehouse's or a draft's: defaults, else nulls."""

    def __init__(self, defaults: dict[str, Any]) -> None:
        self.names = tuple(defaults)
        self._values = list(defaults.values())

    def read(self, state: bytes | None, now_ms: int, /) -> list[Any]:
        """The defaults, whatever the state."""
        return list(self._values)
