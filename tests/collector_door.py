"""A collector with a real event log, called as an ASGI server calls it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from snowmelt.collector.app import Collector
from snowmelt.collector.writer import LogWriter
from snowmelt.enrichment.failed import size_violation
from snowmelt.enrichment.pipeline import Enricher, Outcome
from snowmelt.events.payload import CollectorPayload, SizeViolation
from snowmelt.settings import CollectorSettings
from snowmelt.stores.bell import Bell
from snowmelt.stores.event_log import EventLog, Kind, decode_payload, decode_size_violation

TP2 = "/com.snowplowanalytics.snowplow/tp2"
ME = "12d6d9c2-ba65-4b4c-9f66-a1cbf1b9e1b7"
NOW_MS = 1_741_082_406_000
JSON = ("content-type", "application/json; charset=UTF-8")

Headers = Sequence[tuple[str, str]]
Result = TypeVar("Result")


class Reply(NamedTuple):
    """What was sent back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def __getitem__(self, name: Any) -> Any:
        """The one header of a name, or None."""
        found = self.all(name)
        assert len(found) <= 1, f"{name} was sent {len(found)} times"
        return found[0] if found else None


class Door:
    """A collector, its log, and a loop to run them in."""

    def __init__(self, folder: Path, settings: CollectorSettings) -> None:
        self.runner = asyncio.Runner()
        self.log = EventLog(folder / "log", map_size=64 * 1024**2)
        self.bell = Bell(folder / "bell")
        self.writer = self.runner.run(self._start())
        self.app = Collector(settings, self.writer, "snowmelt-test")

    async def _start(self) -> LogWriter:
        return LogWriter(self.log, self.bell)

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run to the end, but not for ever."""
        return self.runner.run(asyncio.wait_for(coroutine, 20))

    def __call__(self, method: str, target: str, headers: Headers = (), body: bytes = b"", **more: Any) -> Reply:
        """One request; ``target`` is a path and perhaps a query string."""
        reply = self.run(request(self.app, method, target, headers, [body], **more))
        assert reply is not None
        return reply

    def records(self) -> list[CollectorPayload | SizeViolation]:
        """Everything recorded so far, also what was too large."""
        return [
            decode_size_violation(record.body) if record.kind is Kind.OVERSIZE else decode_payload(record.body)
            for record in self.log.follow()
        ]

    def payloads(self) -> list[CollectorPayload]:
        """Everything recorded so far, if nothing was too large."""
        records = self.records()
        assert all(isinstance(record, CollectorPayload) for record in records)
        return records  # type: ignore[return-value]

    def outcomes(self, enricher: Enricher | None = None) -> list[Outcome]:
        """What becomes of everything recorded so far."""
        enricher = enricher or Enricher()
        outcomes: list[Outcome] = []
        for record in self.records():
            if isinstance(record, SizeViolation):
                outcomes.append(size_violation(record, NOW_MS))
            else:
                outcomes += enricher.enrich(record, NOW_MS)
        return outcomes

    def payload(self) -> CollectorPayload:
        """The one payload that was recorded."""
        (payload,) = self.payloads()
        return payload

    def close(self) -> None:
        self.run(self.writer.close())
        self.log.close()
        self.bell.close()
        self.runner.close()


App = Callable[..., Awaitable[None]]


async def request(
    app: App,
    method: str,
    target: str,
    headers: Headers = (),
    chunks: Sequence[bytes | None] = (b"",),
    *,
    client: tuple[str, int] | None = ("203.0.113.9", 50_000),
    encoding: str = "latin-1",
) -> Reply | None:
    """Call an ASGI app. A chunk that is None is where the client hangs up.

    Returns None if nothing was sent.
    """
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(encoding), value.encode(encoding)) for name, value in headers],
        "client": client,
    }
    incoming = [
        {"type": "http.disconnect"}
        if chunk is None
        else {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, 1)
    ]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return incoming.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if not sent:
        return None
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    lines = [(name.decode(), value.decode("latin-1")) for name, value in sent[0]["headers"]]
    for name, value in lines:
        assert name == name.lower()
        assert all(" " <= character != "\x7f" for character in value), f"{name} could end a header: {value!r}"
    return Reply(sent[0]["status"], lines, sent[1]["body"])
