"""Where an address is, and whose: from MaxMind's databases, which the operator supplies."""

from collections.abc import Callable, Collection
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import maxminddb

from snowmelt.enrichment.converters import to_text
from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import SetupProblem, add_entity
from snowmelt.events.canonical import Event

ASN = "iglu:com.snowplowanalytics.snowplow/asn/jsonschema/1-0-1"
_CACHED_ADDRESSES = 50_000
_MAX_AS_NUMBER = 2**31 - 1


class Place(NamedTuple):
    """What the databases say of an address.

    Args:
        columns: those that are known.
        number: of its autonomous system.
        organization: that runs this system.
    """

    columns: dict[str, Any]
    number: int | None = None
    organization: str | None = None


class IpLookups:
    """``geo_*`` and ``ip_*``, and an entity of the autonomous system.

    Args:
        databases: files by what they tell: ``geo``, ``isp``, ``domain``, ``connection_type``, ``asn``.
        bot_asns: autonomous systems from which no people come; none leaves this open.
        bypass_platforms: whose events are not judged by that.

    Cost: an address that was met lately costs two microseconds, another about 30. The files are memory-mapped, so
    replace one by renaming another onto its name, and start the server again.

    Raises:
        SetupProblem: a file cannot be read, or is no such database.
    """

    name = "ip_lookups"

    def __init__(
        self,
        databases: dict[str, Path],
        bot_asns: Collection[int] = (),
        bypass_platforms: Collection[str] = (),
    ) -> None:
        self._readers: list[tuple[Callable[[dict[str, Any]], Place], maxminddb.Reader]] = []
        for kind, path in databases.items():
            try:
                self._readers.append((_KINDS[kind], maxminddb.open_database(path)))
            except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
                raise SetupProblem(f"the database {path} for ip_lookups.{kind} cannot be read: {error}") from error
        self._bot_asns, self._bypass = frozenset(bot_asns), frozenset(bypass_platforms)
        self._place = lru_cache(maxsize=_CACHED_ADDRESSES)(self._look_up)

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Never fails; what is no address, or not in the databases, is nowhere."""
        address = event.get("user_ipaddress")
        if address is None or len(address) > 64:
            return
        columns, number, organization = self._place(address)
        event.update(columns)
        if number is None:
            return
        data: dict[str, Any] = {"number": number}
        if organization is not None:
            data["organization"] = organization
        if self._bot_asns and event.get("platform") not in self._bypass:
            data["likelyBot"] = number in self._bot_asns
        add_entity(event, ASN, data)

    def _look_up(self, text: str) -> Place:
        columns: dict[str, Any] = {}
        number = organization = None
        address = bare_address(text)
        if address is None:
            return Place(columns)
        for read, database in self._readers:
            try:
                found = database.get(address)
            except (ValueError, maxminddb.InvalidDatabaseError):
                continue  # an IPv6 address in a database of IPv4, or a damaged entry
            if not isinstance(found, dict):
                continue
            place = read(found)
            columns |= place.columns
            if place.number is not None:
                number, organization = place.number, place.organization
        return Place(columns, number, organization)


def bare_address(text: str) -> str | None:
    """An address without brackets and port; ``None`` if it is none.

    >>> bare_address("175.16.199.0:8080"), bare_address("[2001:db8::1]:80"), bare_address("localhost")
    ('175.16.199.0', '2001:db8::1', None)
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _geo(found: dict[str, Any]) -> Place:
    country, city = _part(found, "country"), _part(found, "city")
    regions, location = found.get("subdivisions") or [{}], _part(found, "location")
    region = regions[-1] if isinstance(regions, list) and isinstance(regions[-1], dict) else {}
    texts = {
        "geo_country": country.get("iso_code"),
        "geo_region": region.get("iso_code"),
        "geo_region_name": _part(region, "names").get("en"),
        "geo_city": _part(city, "names").get("en"),
        "geo_zipcode": _part(found, "postal").get("code"),
        "geo_timezone": location.get("time_zone"),
    }
    columns: dict[str, Any] = _texts(texts)
    latitude, longitude = location.get("latitude"), location.get("longitude")
    if isinstance(latitude, float) and isinstance(longitude, float):
        columns["geo_latitude"], columns["geo_longitude"] = latitude, longitude
    return Place(columns)


def _asn(found: dict[str, Any]) -> Place:
    number, organization = found.get("autonomous_system_number"), found.get("autonomous_system_organization")
    if not isinstance(number, int) or not 0 <= number <= _MAX_AS_NUMBER:
        return Place({})
    return Place({}, number, organization if isinstance(organization, str) else None)


def _isp(found: dict[str, Any]) -> Place:
    columns = _texts({"ip_isp": found.get("isp"), "ip_organization": found.get("organization")})
    return _asn(found)._replace(columns=columns)


def _domain(found: dict[str, Any]) -> Place:
    return Place(_texts({"ip_domain": found.get("domain")}))


def _connection_type(found: dict[str, Any]) -> Place:
    return Place(_texts({"ip_netspeed": found.get("connection_type")}))


def _part(found: dict[str, Any], name: str) -> dict[str, Any]:
    part = found.get(name)
    return part if isinstance(part, dict) else {}


def _texts(columns: dict[str, Any]) -> dict[str, str]:
    cleaned = {name: to_text(value) for name, value in columns.items() if isinstance(value, str)}
    return {name: value for name, value in cleaned.items() if value is not None}


_KINDS: dict[str, Callable[[dict[str, Any]], Place]] = {
    "geo": _geo,
    "isp": _isp,
    "domain": _domain,
    "connection_type": _connection_type,
    "asn": _asn,
}
"""What is read of each database; where two tell an autonomous system, the later one counts."""


def read_as_numbers(path: Path) -> frozenset[int]:
    """The numbers in a file of autonomous systems: one a line, up to a comma; ``AS`` before it does not matter.

    Raises:
        SetupProblem: it cannot be read, or a line does not begin with a number.
    """
    numbers = set()
    try:
        for count, line in enumerate(path.read_text().splitlines(), start=1):
            text = line.partition(",")[0].strip().strip('"').upper().removeprefix("AS")
            if not text or text.startswith("#"):
                continue
            if not (text.isascii() and text.isdigit()):
                raise SetupProblem(f"{path}:{count} does not begin with the number of an autonomous system")
            numbers.add(int(text))
    except (OSError, UnicodeError) as error:
        raise SetupProblem(f"the list {path} of autonomous systems cannot be read: {error}") from error
    return frozenset(numbers)
