"""Mixed traffic for servers that are hurt meanwhile, and the account of what must come of it.

Trackers send a request again, with the same ids, until it is answered 200, as real ones do. What must be read then is
known without asking the engine: the event log says which of these events it holds, where and since when; the trackers
say what is in them; and ``oracle`` says what value they make.
"""

import random
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import msgspec

from conftest import Server, eventually
from oracle import Json, value_of
from process_shop import ECOMMERCE, PAYLOAD_DATA, TP2, shop_event
from snowmelt import (
    Attribute,
    AttributeKeyIdentifiers,
    InterventionCriterion,
    InterventionInstance,
    LinkAttributeKey,
    RuleIntervention,
    SignalsError,
    SignalsSandbox,
    StreamAttributeGroup,
    domain_userid,
)
from snowmelt.sdk.subscriptions import InterventionsSubscription
from snowmelt.stores.event_log import EventLog, Kind, decode_payload

ACTION = {"type": "event", "vendor": ECOMMERCE, "name": "snowplow_ecommerce_action", "major_version": 1, "path": "type"}
PRICE = {"type": "entity", "vendor": ECOMMERCE, "name": "product", "major_version": 1, "path": "price"}
PATH = {"type": "atomic", "name": "page_urlpath"}
CARTS = {
    "events": [{"name": "snowplow_ecommerce_action"}],
    "criteria": {"all": [{"property": ACTION, "operator": "=", "value": "add_to_cart"}]},
}
VIEWS = {"events": [{"name": "page_view"}]}
LONG_MS, SHORT_MS = 86_400_000, 20_000

Wire = dict[str, Any]

PATIENCE = 60.0
"""Seconds; a server that was hurt is long back by then, on a busy machine too."""


def attribute(name: str, kind: str, aggregation: str, **more: Any) -> Wire:
    return {"name": name, "type": kind, "aggregation": aggregation, "events": []} | more


STORM: Wire = {
    "name": "storm",
    "version": 1,
    "owner": "user@company.com",
    "is_published": True,
    "attribute_key": {"name": "domain_userid"},
    "attributes": [
        attribute("events", "int64", "counter"),
        attribute("carts", "int32", "counter", **CARTS),
        attribute("spent", "double", "sum", property=PRICE, **CARTS),
        attribute("dearest", "double", "max", property=PRICE, **CARTS),
        attribute("first_path", "string", "first", property=PATH, **VIEWS),
        attribute("last_path", "string", "last", property=PATH, **VIEWS),
        attribute("paths", "string_list", "unique_list", property=PATH, **VIEWS),
        attribute("day", "int64", "counter", period="P1D"),
        attribute("lately", "int64", "counter", period="PT20S"),
    ],
}
PERIODS = {"P1D": LONG_MS, "PT20S": SHORT_MS}


WAVE: Wire = {"name": "wave", "attributes": [attribute("seen", "int64", "counter")]}


def wave(version: int) -> StreamAttributeGroup:
    """One of the versions that are published while the storm goes on."""
    seen = Attribute(name="seen", type="int64", aggregation="counter")
    return StreamAttributeGroup(
        name="wave", version=version, attribute_key=domain_userid, attributes=[seen], owner="user@company.com"
    )


def rule(name: str, operator: str, value: int | None = None, attribute: str = "storm:carts") -> RuleIntervention:
    return RuleIntervention(
        name=name,
        criteria=InterventionCriterion(attribute=attribute, operator=operator, value=value),
        target_attribute_keys=[LinkAttributeKey(name="domain_userid")],
        owner="user@company.com",
    )


def rules(attribute: str) -> list[RuleIntervention]:
    """They fire with the first, with the third, and with every change of a counter, which is sent along."""
    return [
        rule("first", ">", 0, attribute),
        rule("third", ">=", 3, attribute),
        rule("every", "changed", attribute=attribute),
    ]


def expected_firings(count: int) -> list[str]:
    """What the rules fire for somebody whose counter has come so far, as :meth:`Subscriber.names` gives it."""
    fired = []
    for number in range(1, count + 1):
        fired += ["first 1"] if number == 1 else []
        fired += ["third 3"] if number == 3 else []
        fired += [f"every {number}"]
    return fired


class Subscriber:
    """Receives what fires for some users, and comes back by itself whenever its stream is cut."""

    def __init__(self, signals: SignalsSandbox, users: list[str], attribute: str = "storm:carts") -> None:
        self.users, self._attribute = users, attribute
        self.received: list[InterventionInstance] = []
        self.subscription: InterventionsSubscription = signals.pull_interventions(
            AttributeKeyIdentifiers({"domain_userid": users})
        )
        self.subscription.add_handler(self.received.append)

    def names(self, user: str) -> list[str]:
        """What has come for a user, in order; with the number that it was sent with."""
        found = []
        for one in self.received:
            assert one.target_attribute_key is not None
            if one.target_attribute_key.id == user:
                found.append(f"{one.name} {one.attributes[self._attribute]}" if one.attributes else one.name)
        return found


class Statuses:
    """What requests were answered; 0 is no answer at all."""

    def __init__(self) -> None:
        self._lock, self.counts = threading.Lock(), Counter[int]()

    def add(self, status: int) -> None:
        with self._lock:
            self.counts[status] += 1

    @property
    def faults(self) -> int:
        """Answers that nobody may get, whatever dies."""
        return sum(count for status, count in self.counts.items() if status >= 500 and status != 503)


class Worker(threading.Thread, ABC):
    """Does one thing again and again until told to stop."""

    def __init__(self, url: str, token: str, statuses: Statuses) -> None:
        super().__init__(daemon=True)
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._auth, self._statuses = {"Authorization": f"Bearer {token}"}, statuses
        self._stopping = threading.Event()
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self.once()
        except BaseException as error:
            self.problem = error
        finally:
            self.http.close()

    @abstractmethod
    def once(self) -> None:
        """Do it one time."""

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """The answer, or ``None`` if there is none."""
        try:
            answer = self.http.request(method, path, **options)
        except httpx.HTTPError:
            self._statuses.add(0)
            return None
        self._statuses.add(answer.status_code)
        return answer

    def tell_to_stop(self) -> None:
        self._stopping.set()

    def finish(self, seconds: float = 90) -> None:
        """Stop, and raise what went wrong."""
        self._stopping.set()
        self.join(seconds)
        assert not self.is_alive(), f"{type(self).__name__} does not come to an end: what is asked is not answered"
        if self.problem is not None:
            raise self.problem


class Tracker(Worker):
    """Sends page views and shop events of some users at a steady rate, each request until it is answered 200.

    Args:
        users: whose events.
        rate: events a second.
        seed: of what it draws.
    """

    def __init__(self, url: str, token: str, statuses: Statuses, users: list[str], rate: float, seed: int) -> None:
        super().__init__(url, token, statuses)
        self._users, self._rate, self._random = users, rate, random.Random(seed)
        self._due = time.monotonic()
        self.sent: dict[str, Json] = {}
        """Every event by its id, as the oracle reads it, but for its times."""
        self.acknowledged: set[str] = set()
        self._unheard: list[list[dict[str, str]]] = []

    def once(self) -> None:
        count = 1 if self._random.random() < 0.1 else self._random.randrange(3, 8)
        events = [self._event(self._random.choice(self._users)) for _ in range(count)]
        if self._unheard and self._random.random() < 0.03:
            events = self._unheard.pop(0)
        while not self._is_stored(events):
            time.sleep(0.02)
        if self._random.random() < 0.03:
            self._unheard.append(events)  # the answer is lost on its way, and the request sent again some seconds later
        self.acknowledged.update(event["eid"] for event in events)
        # Who was held up does not make up for it: a storm after each fault would hide the faults.
        self._due = max(self._due + count / self._rate, time.monotonic() - 0.5)
        self._stopping.wait(max(self._due - time.monotonic(), 0))

    def _is_stored(self, events: list[dict[str, str]]) -> bool:
        if len(events) == 1:
            answer = self.ask("GET", f"/i?{urlencode(events[0])}")
        else:
            answer = self.ask("POST", TP2, json={"schema": PAYLOAD_DATA, "data": events})
        if answer is not None and answer.status_code == 503:
            assert answer.headers["retry-after"], "a tracker is told when to come back"
        return answer is not None and answer.status_code == 200

    def _event(self, user: str) -> dict[str, str]:
        if self._random.random() < 0.6:
            path = f"/p{self._random.randrange(6)}"
            sent = {"e": "pv", "p": "web", "tv": "t-1", "duid": user, "eid": str(uuid.uuid4())}
            sent["url"] = f"https://shop.example{path}"
            read: Json = {"event_vendor": "com.snowplowanalytics.snowplow", "event_name": "page_view"}
            read["page_urlpath"] = path
        else:
            kind = self._random.choice(("add_to_cart", "product_view"))
            price = self._random.randrange(1, 10_000) / 100
            sent = shop_event(user, kind, price)
            column = "com_snowplowanalytics_snowplow_ecommerce"
            read = {"event_vendor": ECOMMERCE, "event_name": "snowplow_ecommerce_action"}
            read[f"unstruct_event_{column}_snowplow_ecommerce_action_1"] = {"type": kind}
            read[f"contexts_{column}_product_1"] = [{"price": price}]
        self.sent[sent["eid"]] = read | {"event_id": sent["eid"], "domain_userid": user}
        return sent


class Reader(Worker):
    """Reads all the time: a value is there or the answer is 503, and a count never goes back."""

    def __init__(self, url: str, token: str, statuses: Statuses, users: list[str], seed: int) -> None:
        super().__init__(url, token, statuses)
        self._users, self._random = users, random.Random(seed)
        self._counts: dict[str, int] = {}
        self.reads = 0

    def once(self) -> None:
        users = self._random.sample(self._users, min(len(self._users), 10))
        body = {"attributes": ["storm_v1:events"], "attribute_keys": {"domain_userid": users}}
        answer = self.ask("POST", "/api/v1/get-online-attributes", json=body, headers=self._auth)
        if answer is not None and answer.status_code != 503:
            assert answer.status_code == 200, answer.text
            for user, count in zip(users, answer.json()["events"], strict=True):
                assert (count or 0) >= self._counts.get(user, 0), f"the count of {user} went back"
                self._counts[user] = count or 0
                self.reads += 1
        self._stopping.wait(0.05)


class Publisher(Worker):
    """Publishes one version of a group after the other, and deletes those before the last few."""

    KEPT = 3

    def __init__(self, url: str, token: str, statuses: Statuses, pause: float) -> None:
        super().__init__(url, token, statuses)
        self._url, self._token, self._pause = url, token, pause
        self.versions: list[int] = []

    def once(self) -> None:
        version = (self.versions[-1] if self.versions else 0) + 1
        with SignalsSandbox(api_url=self._url, sandbox_token=self._token) as signals:
            self._insist(lambda: signals.publish([wave(version)]))
            self.versions.append(version)
            if len(self.versions) > self.KEPT:
                gone = wave(self.versions[-1 - self.KEPT])
                self._insist(lambda: signals.unpublish([gone]))
        self._stopping.wait(self._pause)

    def _insist(self, call: Callable[[], object]) -> None:
        while True:
            try:
                call()
            except SignalsError as error:
                status = getattr(error, "status_code", None) or 0
                self._statuses.add(status)
                assert status in (0, 503), error
                time.sleep(0.05)
            else:
                self._statuses.add(200)
                return


class Ledger:
    """What stands in a server's event log, and the values that it makes.

    Args:
        path: the folder of the log.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._place, self._revision = path, 0, -1
        self.stored: Counter[str] = Counter()
        """How often each event is in the log: one that was sent again may be there twice."""
        self.others: dict[str, Json] = {}
        """Events that no tracker has sent, and that were acknowledged; as :attr:`Tracker.sent`."""
        self.by_user: dict[str, list[tuple[int, Json]]] = {}
        """The events of each user in the order of the log, each once, with their places."""
        self.since: dict[tuple[str, int], int] = {}
        """At which place each version of a group was published."""
        self.ended: dict[tuple[str, int], int] = {}

    def read(self, trackers: Iterable[Tracker]) -> None:
        """Take in what has come since the last time.

        Raises:
            AssertionError: an event that was acknowledged is not there, or one that nobody has sent is.
        """
        sent = dict(self.others)
        acknowledged = set(self.others)
        for tracker in trackers:
            sent |= tracker.sent
            acknowledged |= tracker.acknowledged
        log = EventLog(self._path)
        try:
            for record in log.follow(self._place):
                self._place = record.sequence
                if record.kind is Kind.DEFINITIONS:
                    self._publish(record.sequence, msgspec.json.decode(record.body))
                    continue
                assert record.kind is Kind.PAYLOAD, record.kind
                payload = decode_payload(record.body)
                at = datetime.fromtimestamp(payload.timestamp / 1000, UTC).isoformat(timespec="milliseconds")
                times = {"collector_tstamp": at, "derived_tstamp": at}
                for event_id in _event_ids(payload.body, payload.querystring):
                    self.stored[event_id] += 1
                    if self.stored[event_id] == 1:
                        event = sent[event_id]
                        rows = self.by_user.setdefault(event["domain_userid"], [])
                        rows.append((record.sequence, event | times))
        finally:
            log.close()
        missing = acknowledged - self.stored.keys()
        assert not missing, f"{len(missing)} events were acknowledged and are not in the log"

    @property
    def place(self) -> int:
        """Up to which place the log was read."""
        return self._place

    @property
    def events(self) -> int:
        """How many different events there are."""
        return len(self.stored)

    def _publish(self, place: int, snapshot: Json) -> None:
        if snapshot["revision"] <= self._revision:
            return  # announced once more, as after every start
        self._revision = snapshot["revision"]
        published = {(one["group"]["name"], one["group"]["version"]) for one in snapshot["groups"] if one["published"]}
        for group in published:
            self.since.setdefault(group, place)
        for group in self.since.keys() - published:
            self.ended.setdefault(group, place)

    def value(self, group: Wire, attribute: Wire, user: str, now: int, after: int = 0) -> Any:
        """What an attribute must be at an instant (ms since the epoch).

        Args:
            group: published once, at a place of the log that is known.
            attribute: of it.
            user: whose.
            now: the instant.
            after: a place; what came up to it is left out.
        """
        name = group["name"], group["version"]
        since, until = max(self.since[name], after), self.ended.get(name, 2**63)
        events = [event for place, event in self.by_user.get(user, []) if since < place < until]
        key = {"key_property": {"type": "atomic", "name": "domain_userid"}}
        period = {"period_ms": PERIODS[attribute["period"]]} if "period" in attribute else {}
        return value_of(events, group | key, attribute | period, user, now)


def _event_ids(body: bytes | None, querystring: str | None) -> list[str]:
    if body:
        return [event["eid"] for event in msgspec.json.decode(body)["data"]]
    return [dict(parse_qsl(querystring or ""))["eid"]]


class Judge:
    """Compares what a server answers with the ledger."""

    def __init__(self, url: str, token: str, ledger: Ledger) -> None:
        self._ledger = ledger
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._auth = {"Authorization": f"Bearer {token}"}
        self.profiles = self.values = 0
        self.differences: list[str] = []
        self.clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
        """The server's, ms since the epoch."""

    def compare(self, users: list[str], waves: Iterable[int] = (), but: Sequence[str] = ()) -> None:
        """Compare every attribute of some users, and the versions that were published on the way.

        Everything that was acknowledged must be in the values by now, and nothing new may come meanwhile.

        Args:
            users: whose attributes.
            waves: versions of the group ``wave``.
            but: attributes of the group ``storm`` that are not compared.
        """
        attributes = [one for one in STORM["attributes"] if one["name"] not in but]
        groups = [{**STORM, "attributes": attributes}, *({**STORM, **WAVE, "version": version} for version in waves)]
        for some in (users[at : at + 50] for at in range(0, len(users), 50)):
            for group in groups:
                self._compare(group, some)
        self.profiles += len(users) * len(groups)

    def ask(self, users: list[str], attributes: Sequence[str] = ("storm_v1:events",)) -> dict[str, list[Any]]:
        """What the server answers."""
        body = {"attributes": list(attributes), "attribute_keys": {"domain_userid": users}}
        answer = self._http.post("/api/v1/get-online-attributes", json=body, headers=self._auth)
        assert answer.status_code == 200, answer.text
        found: dict[str, list[Any]] = answer.json()
        return found

    def _compare(self, group: Wire, users: list[str]) -> None:
        title = f"{group['name']}_v{group['version']}"
        asked = [f"{title}:{one['name']}" for one in group["attributes"]]
        before = self.clock()
        columns = self.ask(users, asked)
        after = self.clock()
        for one in group["attributes"]:
            for user, found in zip(users, columns[one["name"]], strict=True):
                self.values += 1
                # The end of a window moves while the server answers.
                instants = [*range(before, after, SHORT_MS // 512), after]
                if not any(repr(self._ledger.value(group, one, user, at)) == repr(found) for at in instants):
                    wanted = self._ledger.value(group, one, user, after)
                    self.differences.append(f"{title}:{one['name']} of {user}: {found!r}, and not {wanted!r}")

    def close(self) -> None:
        self._http.close()


class Storm:
    """Trackers that send to a server, and the account of it.

    Args:
        server: must have :data:`STORM` published before they do.
        seed: of everything that is drawn.
    """

    def __init__(self, server: Server, seed: int) -> None:
        self.server, self.rng = server, random.Random(seed)
        self.statuses = Statuses()
        self.trackers: list[Tracker] = []
        self.past: list[Tracker] = []
        self.ledger = Ledger(server.data_dir / "log")
        self.judge = Judge(server.url, server.token, self.ledger)

    def publish(self) -> None:
        """Publish what is compared."""
        with SignalsSandbox(api_url=self.server.url, sandbox_token=self.server.token) as signals:
            signals.publish([StreamAttributeGroup.model_validate(STORM)])

    def blow(self, users: list[str], rate: float, trackers: int = 3) -> None:
        """Let trackers send, so many events a second together."""
        url, token = self.server.url, self.server.token
        for _ in range(trackers):
            seed = self.rng.randrange(2**32)
            self.trackers.append(Tracker(url, token, self.statuses, users, rate / trackers, seed))
            self.trackers[-1].start()

    def go_on(self) -> None:
        """Wait until every tracker has been answered again."""
        for one, before in [(one, len(one.acknowledged)) for one in self.trackers]:
            eventually(lambda one=one, at=before: len(one.acknowledged) > at, "events are acknowledged", PATIENCE)

    def calm(self) -> None:
        """Let the trackers finish what they began, and the engine catch up; then count the log."""
        for one in self.trackers:
            one.tell_to_stop()
        for one in self.trackers:
            one.finish()
        self.past += self.trackers
        self.trackers = []
        with SignalsSandbox(api_url=self.server.url, sandbox_token=self.server.token) as signals:
            signals.flush(60)
        self.ledger.read(self.past)

    @property
    def acknowledged(self) -> int:
        """How many events were answered 200."""
        return sum(len(one.acknowledged) for one in [*self.past, *self.trackers])

    def close(self) -> None:
        """Stop whoever still sends."""
        for one in self.trackers:
            one.tell_to_stop()
        self.judge.close()
