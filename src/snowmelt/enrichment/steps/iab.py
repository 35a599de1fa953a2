"""Robots on the IAB's list, of which the operator supplies a copy."""

from bisect import bisect_right
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.ip_lookups import bare_address
from snowmelt.enrichment.steps.step import SetupProblem, add_entity
from snowmelt.events.canonical import Event

SPIDERS_AND_ROBOTS = "iglu:com.iab.snowplow/spiders_and_robots/jsonschema/1-0-0"
_IMPACTS = {"0": "PAGE_IMPRESSIONS", "1": "AD_IMPRESSIONS", "2": "PAGE_AND_AD_IMPRESSIONS"}
_CACHED_AGENTS = 10_000
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999, which a date can be in


class _Entry(NamedTuple):
    """A line of a file of user agents: what they hold, and from when on it is no longer kept up."""

    part: str
    active: bool
    at_start: bool
    inactive_from: date | None
    exceptions: tuple[str, ...] = ()
    impact: str = "UNKNOWN"

    def matches(self, agent: str) -> bool:
        """Whether a user agent in lower case is meant."""
        found = agent.startswith(self.part) if self.at_start else self.part in agent
        return found and not any(exception in agent for exception in self.exceptions)

    def holds(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.active or (self.inactive_from is not None and day < self.inactive_from)


class Verdict(NamedTuple):
    """What the list says."""

    robot: bool
    category: str
    reason: str
    impact: str


_PERSON = Verdict(False, "BROWSER", "PASSED_ALL", "NONE")


def _robot(reason: str) -> Verdict:
    return Verdict(True, "SPIDER_OR_ROBOT", reason, "UNKNOWN")


class Iab:
    """An entity that says whether the user agent or the address is a robot's.

    Args:
        ip_file: excluded addresses or networks, one a line.
        exclude_file: robots: ``part|active|exceptions|unused|impact|at start|inactive from``.
        include_file: browsers: ``part|active|at start|inactive from``; dates are month/day/year.
        exclude: further parts of robots' user agents.
        include: parts of browsers' user agents, before all other tests.

    Cost: a user agent that was met lately costs some microseconds; another, a search for each line of the files.

    Raises:
        SetupProblem: a file cannot be read.
    """

    name = "iab_spiders_and_robots"

    def __init__(
        self,
        ip_file: Path,
        exclude_file: Path,
        include_file: Path,
        exclude: Collection[str] = (),
        include: Collection[str] = (),
    ) -> None:
        self._ranges = [_Ranges(version, ip_file) for version in (4, 6)]
        self._exclude = list(_excluding(exclude_file))
        self._include = list(_including(include_file))
        self._own_exclude = [part.lower() for part in exclude]
        self._own_include = [part.lower() for part in include]
        self._cached = lru_cache(maxsize=_CACHED_AGENTS)(self._judge_agent)

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Never fails; an event without user agent and address, or without a time, is not judged."""
        agent, address, time = event.get("useragent"), event.get("user_ipaddress"), event.get("derived_tstamp")
        if time is None or (agent is None and address is None):
            return
        day = datetime.fromtimestamp(min(max(time, _FIRST_MS), _LAST_MS) / 1000, UTC).date()
        verdict = self.judge(agent or "", address or "", day)
        data = dict(zip(("spiderOrRobot", "category", "reason", "primaryImpact"), verdict, strict=True))
        add_entity(event, SPIDERS_AND_ROBOTS, data)

    def judge(self, agent: str, address: str, day: date) -> Verdict:
        """The verdict; an address that is a host's name is not looked up, and passes.

        Args:
            agent: the user agent.
            address: with or without a port.
            day: of the event.
        """
        agent = agent.lower()
        own = self._own_verdict(agent)
        if own is not None:
            return own
        if self._is_excluded(address):
            return _robot("FAILED_IP_EXCLUDE")
        return self._cached(agent, day) if len(agent) <= 1_000 else self._judge_agent(agent, day)

    def _own_verdict(self, agent: str) -> Verdict | None:
        if any(part in agent for part in self._own_include):
            return _PERSON
        if any(part in agent for part in self._own_exclude):
            return _robot("FAILED_UA_EXCLUDE")
        return None

    def _is_excluded(self, address: str) -> bool:
        bare = bare_address(address)
        if bare is None:
            return False
        number = ip_address(bare)
        return self._ranges[number.version == 6].holds(int(number))

    def _judge_agent(self, agent: str, day: date) -> Verdict:
        if not any(entry.holds(day) and entry.matches(agent) for entry in self._include):
            return _robot("FAILED_UA_INCLUDE")
        for entry in self._exclude:
            if (entry.active or entry.inactive_from is not None) and entry.matches(agent):
                kept_up = entry.inactive_from is None or day < entry.inactive_from
                category = "ACTIVE_SPIDER_OR_ROBOT" if kept_up else "INACTIVE_SPIDER_OR_ROBOT"
                return Verdict(True, category, "FAILED_UA_EXCLUDE", entry.impact)
        return _PERSON


class _Ranges:
    """The excluded addresses of one version of IP: sorted, without overlaps."""

    def __init__(self, version: int, path: Path) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        networks = []
        for number, (text, *_) in _lines(path):
            try:
                network = ip_network(text, strict=False)
            except ValueError as error:
                raise SetupProblem(f"{path}:{number}: {error}") from error
            if network.version == version:
                networks.append((int(network.network_address), int(network.broadcast_address)))
        for start, end in sorted(networks):
            if self._ends and start <= self._ends[-1] + 1:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def holds(self, address: int) -> bool:
        place = bisect_right(self._starts, address) - 1
        return place >= 0 and address <= self._ends[place]


def _excluding(path: Path) -> Iterator[_Entry]:
    for number, fields in _lines(path):
        part, active, exceptions, _, impact, at_start, inactive_from, *_ = [*fields, *[""] * 7]
        if impact not in _IMPACTS:
            raise SetupProblem(f"{path}:{number}: the impact in the fifth place must be 0, 1 or 2, not `{impact}`")
        spared = tuple(text.strip().lower() for text in exceptions.split(",") if text.strip())
        yield _Entry(part.lower(), active == "1", at_start == "1", _date(inactive_from), spared, _IMPACTS[impact])


def _including(path: Path) -> Iterator[_Entry]:
    for _, fields in _lines(path):
        part, active, at_start, inactive_from, *_ = [*fields, *[""] * 4]
        yield _Entry(part.lower(), active == "1", at_start == "1", _date(inactive_from))


def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text.strip(), "%m/%d/%Y").date()
    except ValueError:
        return None  # as the list has it: what is no date sets none


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line that is no comment, with its number."""
    try:
        lines = path.read_text("latin-1").splitlines()
    except OSError as error:
        raise SetupProblem(f"the list {path} of robots cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line.split("|")
