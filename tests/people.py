"""People who do the same on a server that keeps all it can, and what its files say of them."""

import json
import time
import uuid
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conftest import Server
from process_shop import Shop, shop_event

FIGURES: list[str] = []
"""Of each test, for the end of the run."""

SETTINGS = """
[webhooks]
allow_private = true
first_pause_seconds = 600
longest_pause_hours = 1

[micro]
enabled = true

[engine]
checkpoint_minutes = 0.01
"""
OWNED = {"version": 1, "owner": "user@company.com", "is_published": True}
SESSION = {"name": "domain_sessionid"}
USER = {"name": "user_id"}
CRM = {
    "name": "crm_id",
    "property": {"type": "entity", "vendor": "com.example", "name": "customer", "major_version": 1, "path": "crm"},
}


class Person:
    """Somebody with an identifier of each kind, who does all that leaves something behind.

    Args:
        name: is part of the identifiers that are no UUIDs.
    """

    def __init__(self, name: str) -> None:
        self.domain_userid = str(uuid.uuid4())
        self.domain_sessionid = str(uuid.uuid4())
        self.user_id = f"{name}-{uuid.uuid4().hex[:6]}@example.com"
        self.crm_id = f"crm/{name}/{uuid.uuid4().hex}"

    @property
    def identifiers(self) -> dict[str, str]:
        """By attribute key."""
        return {key: getattr(self, key) for key in ("domain_userid", "domain_sessionid", "user_id", "crm_id")}

    def event(self, kind: str, **more: str) -> dict[str, str]:
        """An event of the shop with all identifiers, the customer's in base64 as trackers send it."""
        event = shop_event(self.domain_userid, kind, 10.0)
        event |= {"sid": self.domain_sessionid, "uid": self.user_id, "url": "https://shop.example/"}
        contexts = json.loads(event.pop("co"))
        customer = {"schema": "iglu:com.example/customer/jsonschema/1-0-0", "data": {"crm": self.crm_id}}
        contexts["data"].append(customer)
        return event | {"cx": b64encode(json.dumps(contexts).encode()).decode()} | more

    def broken(self) -> dict[str, str]:
        """An event that fails."""
        return self.event("product_view") | {"ue_pr": "{" + self.user_id}

    def traces(self) -> dict[str, bytes]:
        """All ways in which the identifiers may stand in files."""
        found: dict[str, bytes] = {}
        for key, identifier in self.identifiers.items():
            plain = identifier.encode()
            found |= {
                f"{key}": plain,
                f"{key} escaped": quote(identifier, safe="").encode(),
                f"{key} hexadecimal": plain.hex().encode(),
                f"{key} UTF-16": identifier.encode("utf-16-le"),
            }
            for shift in range(3):
                inner = b64encode(b"\0" * shift + plain)[(0, 2, 3)[shift] : (shift + len(plain)) * 8 // 6]
                found[f"{key} base64 {shift}"] = inner
        return found


def contents(folder: Path) -> dict[str, bytes]:
    """What all files of a folder hold, all as of one time: a checkpoint may be renamed while they are read."""
    deadline = time.monotonic() + 60
    while True:
        before = set(folder.rglob("*"))
        with suppress(FileNotFoundError):
            found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(before) if path.is_file()}
            if set(folder.rglob("*")) == before:
                return found
        assert time.monotonic() < deadline, f"the files in {folder} never stay as they are"


def hits(folder: Path, person: Person) -> dict[str, int]:
    """How often each file holds an identifier of a person in whatever form."""
    traces = person.traces().values()
    counts = {name: sum(map(content.count, traces)) for name, content in contents(folder).items()}
    return {name: count for name, count in counts.items() if count}


def measured(folder: Path) -> tuple[int, int]:
    """How many files there are in a folder, and their bytes."""
    found = contents(folder)
    return len(found), sum(map(len, found.values()))


class People(Shop):
    """A client of a server that keeps everything that can be kept of people."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.url, server.token)
        self.server = server

    def publish(self) -> None:
        """Groups under four keys, an event log, and interventions that fire at once, late, and by time alone."""
        super().publish()
        counted = {"type": "int64", "aggregation": "counter", "events": []}
        quiet = {"name": "quiet", "type": "double", "aggregation": "time_since_last", "time_unit": "s", "events": []}
        groups = [
            ("users", USER, [{"name": "n"} | counted, quiet]),
            ("customers", CRM, [{"name": "n"} | counted]),
            ("visits", SESSION, [{"name": "n"} | counted]),
        ]
        self._post("attribute_keys", CRM)
        for name, key, attributes in groups:
            self._post("attribute_groups", OWNED | {"name": name, "attribute_key": key, "attributes": attributes})
        kept = [
            {"type": "atomic", "name": "user_id", "output_name": "user"},
            {"type": "atomic", "name": "page_urlpath", "output_name": "path"},
        ]
        self._post(
            "event_logs",
            {
                "name": "recent",
                "owner": "user@company.com",
                "attribute_key": SESSION,
                "events": [{"event": {"name": "snowplow_ecommerce_action"}, "properties": kept}],
                "max_events": 10,
                "max_age_seconds": 3_600,
            },
        )
        self.http.post(
            "/api/v1/engines/publish",
            json={"event_logs": [{"name": "recent"}]},
            headers=self.auth,
        )
        at_once = {"attribute": "users:n", "operator": ">", "value": 0}
        by_time = {"attribute": "users:quiet", "operator": ">=", "value": 86_400}
        for name, criteria in (("hello", at_once), ("gone", by_time)):
            targets = [{"name": "user_id"}, {"name": "domain_userid"}]
            self._post("interventions", OWNED | {"name": name, "criteria": criteria, "target_attribute_keys": targets})

    def visit(self, *people: Person) -> None:
        """All of them do the same, some of it in one request."""
        for _ in range(3):
            for person in people:
                self.track([person.event("product_view"), person.event("add_to_cart")])
        self.track([person.event("add_to_cart") for person in people])
        self.track([person.broken() for person in people])
        for person in people:
            self.http.get("/i", params=person.event("product_view")).raise_for_status()
        self.server.flush()

    def held(self, key: str, identifier: str) -> dict[str, Any]:
        answer = self.http.get("/api/v1/user_data", params={key: identifier}, headers=self.auth)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def erase(self, **identifiers: str) -> dict[str, Any]:
        answer = self.http.delete("/api/v1/user_data", params=identifiers, headers=self.auth, timeout=90)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def everything(self, person: Person) -> dict[str, Any]:
        """What is held about a person under each key, without what changes by itself."""
        found = {key: self.held(key, identifier) for key, identifier in person.identifiers.items()}
        for one in found.values():
            del one["exported"]
            for row in one["values"]:
                row["values"].pop("quiet", None)
        return found

    def _post(self, collection: str, body: dict[str, Any]) -> None:
        answer = self.http.post(f"/api/v1/registry/{collection}/", json=body, headers=self.auth)
        assert answer.status_code == 201, answer.text
