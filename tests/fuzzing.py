"""Requests that no tracker means, against the collector and enrichment: nothing breaks, and nothing gets lost.

Each request is drawn from a seed and its own number, so that one that fails can be drawn again alone. ``make fuzz``
runs this for long, ``tests/fuzz/`` for some seconds.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from collector_door import request
from pipeline_rows import JSON, PAGE_VIEW, TP2, Ask, payload_data, word
from snowmelt.collector.app import Collector
from snowmelt.enrichment.base64_text import encode_base64
from snowmelt.enrichment.failed import FailedEvent, size_violation
from snowmelt.enrichment.parameters import _TARGETS
from snowmelt.enrichment.pipeline import Enricher, Outcome
from snowmelt.enrichment.steps.order import build_steps
from snowmelt.events import json as event_json
from snowmelt.events import tsv
from snowmelt.events.json_text import NotJsonError, parse_json
from snowmelt.settings_collector import CollectorSettings
from snowmelt.settings_enrichment import EnrichmentSettings
from snowmelt.stores.event_log import Kind, decode_payload, decode_size_violation

NOW_MS = 1_741_082_406_000
SNOWPLOW = "iglu:com.snowplowanalytics.snowplow"
UUID = "0f5e9f6a-1c86-4d30-9c0f-9b3a7a5f1e11"
WHOLE_PAYLOAD = {"AF", "TP", "CF", "SZ"}
"""Outcomes that stand for a whole request."""

PARAMETERS = sorted({*_TARGETS, "ue_pr", "ue_px", "co", "cx", "u", "schema", "new"})
URLS = (
    "https://shop.example/a?utm_source=x&_sp=u-7.1741082405120#b",
    "http://a.example:99999999999/%zz?q={x}|[2]##",
    f"http://a.example/?_sp=a.1.{UUID}.dGVz.%ff.web.x.y",
    "mailto:x@y.example",
    "//[::1]:80/x",
    "http://bücher.example/é?q=a b",
    "https://www.google.com/search?q=%0Aa%09b%ff",
    "android-app://com.google.android.gm/",
    "http://[",
    "?",
)
WORDS = (
    *URLS,
    *("", " ", "null", "0", "1", "-1", "1E400", "1e-7", "0x54", "NaN", "\u0664\u0665", "9" * 400, "1920x1080", "x"),
    *("pv", "pp", "se", "ue", "tr", "ti", "ad", "web", "Web", UUID, UUID.upper(), "1741082405120", "9" * 16),
    *("a\tb\nc", "\x00\x7f", "\u2028", "\ud83d\ude42", "\ufeff", "é" * 300, "x" * 2_100, "%E2%82%AC", "a=b&c;d#e"),
    *("175.16.199.1", "::1", "2001:db8::1|x", "unknown", ":" * 30, "Mozilla/5.0 (iPhone)", "curl/8", "{}", "[", '"'),
)
HEADERS = (
    ("Origin", "https://a.example http://b.example:8080"),
    ("Origin", "null"),
    ("Cookie", f'sp={UUID}; a = b ; bad="x,y"; ck=1'),
    ("Cookie", "sp=not-a-uuid"),
    ("Cookie", "dnt=yes"),
    ("SP-Anonymous", "*"),
    ("X-Forwarded-For", "1.1.1.1, 10.0.0.1"),
    ("X-Forwarded-For", '"[2001:db8::1]:80"'),
    ("Forwarded", 'for="[::1]";proto=http, for=2.2.2.2'),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Referer", "http://shop.example/\xe9"),
    ("Host", "c.example:8080"),
    ("X-Forwarded-Proto", "https"),
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("Content-Type", "text/plain"),
    ("Content-Type", "Application/JSON ; charset=UTF-8"),
)
WEBHOOK = "/com.snowplowanalytics.iglu/v1"
PATHS = (*[TP2] * 4, "/i", "/ice.png", "/r/tp2", "/acme/track", WEBHOOK, "/com.unknown/v9")
PIECES = (
    *(b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\\ud83d", b"\\u0000", b"\xff", b"\xed\xa0\x80", b"\xc3\xa9"),
    *(b"null", b"true", b"1e999", b"-0", b"&", b";", b"=", b"%", b"+", b"#", b"\r\n", b"\x00"),
    *(b"[" * 60, b'{"a":' * 60),
)


class Fault(AssertionError):
    """A request broke something, or got lost."""


class Drawn(random.Random):
    """The random choices of one request."""

    def value(self) -> str:
        word: str = self.choice(WORDS)
        return word if self.random() < 0.8 else word + self.choice(WORDS)

    def data(self, depth: int = 0) -> Any:
        """Some JSON value."""
        kind = self.randrange(9 if depth < 4 else 6)
        if kind < 6:
            return (None, True, self.randrange(10**19), self.random() * 1e6, self.value(), self.value())[kind]
        if kind < 8:
            return {self.value()[:20]: self.data(depth + 1) for _ in range(self.randrange(4))}
        return [self.data(depth + 1) for _ in range(self.randrange(4))]

    def described(self) -> Any:
        if self.random() < 0.05:
            return self.data()
        name, version = self.choice(("click", "product", "é", "a-b")), self.choice(("1-0-0", "1-0", "0-0-0", "9-9-9"))
        return {"schema": f"iglu:com.acme/{name}/jsonschema/{version}", "data": self.data()}

    def wrapped(self, name: str) -> str:
        inner = self.described() if name == "unstruct_event" else [self.described() for _ in range(self.randrange(4))]
        return json.dumps({"schema": f"{SNOWPLOW}/{name}/jsonschema/1-0-{self.randrange(3)}", "data": inner})

    def event(self) -> dict[str, Any]:
        """The parameters of an event, most of them of the right kind."""
        event: dict[str, Any] = dict(PAGE_VIEW)
        for name in self.sample(PARAMETERS, self.randrange(6)):
            event[name] = self.value()
        chance = self.random()
        if chance < 0.3:
            event |= {"e": "ue", "ue_pr": self.wrapped("unstruct_event")}
        elif chance < 0.5:
            event |= {"e": "ue", "ue_px": encode_base64(self.wrapped("unstruct_event").encode("utf-8", "replace"))}
        if chance > 0.7:
            event["co"] = self.wrapped("contexts")
        if chance > 0.95:
            event["aid"] = self.data()
        return event

    def query(self) -> str:
        return "&".join(f"{name}={quote(str(text), errors='replace')}" for name, text in self.event().items())

    def mangled(self, data: bytes) -> bytes:
        """The same with a few wounds."""
        out = bytearray(data)
        for _ in range(self.choice((0, 0, 1, 1, 2, 5))):
            place = self.randrange(len(out) + 1)
            kind = self.randrange(6)
            if kind == 0:
                out[place:place] = self.choice(PIECES)
            elif kind == 1:
                del out[place : place + self.choice((1, 2, 8, 64))]
            elif kind == 2 and place < len(out):
                out[place] ^= 1 << self.randrange(8)
            elif kind == 3:
                out[place:place] = out[place : place + self.choice((4, 40, 400))]
            elif kind == 4 and place < len(out):
                out[place] = self.randrange(256)
            elif self.random() < 0.2:
                del out[place:]
        return bytes(out)

    def ask(self) -> Ask:
        """A request, near to what a tracker sends or far from it."""
        path = self.choice(PATHS)
        method = self.choices(("POST", "GET", "HEAD", "OPTIONS", "PUT"), (70, 26, 2, 1, 1))[0]
        query = self.query() if method != "POST" or self.random() < 0.15 else ""
        if path.startswith("/r/") and self.random() < 0.9:
            query += f"&u={quote(self.choice(URLS))}"
        if "iglu" in path and self.random() < 0.9:
            query += "&schema=iglu:com.acme/x/jsonschema/1-0-0"
        if self.random() < 0.2:
            query = self.mangled(query.encode()).decode("latin-1")
        if self.random() < 0.02:
            path = self.mangled(path.encode()).decode("latin-1")
        target = f"{path.replace('?', '')}?{query}"
        headers = self.sample(HEADERS, self.choice((0, 1, 2, 4)))
        if method == "POST" and self.random() < 0.95:
            headers = [JSON, *(header for header in headers if header[0] != "Content-Type")]
        if self.random() < 0.1:
            name, value = self.choice(HEADERS)
            headers.append((name, self.mangled(value.encode("latin-1")).decode("latin-1")))
        body = b""
        if method == "POST":
            body = payload_data(*(self.event() for _ in range(self.choice((1, 1, 1, 2, 5)))), version=self.randrange(6))
            if self.random() < 0.1:
                body = json.dumps(self.data()).encode()
            body = self.mangled(body)
        return Ask(method, target, tuple(headers), body)


class MemoryWriter:
    """Takes what the collector would write to the log."""

    healthy = True

    def __init__(self) -> None:
        self.entries: list[tuple[Kind, int, bytes]] = []

    async def append(self, *entries: tuple[Kind, int, bytes]) -> None:
        self.entries += entries


class Tally(NamedTuple):
    """What became of the requests so far."""

    statuses: Counter[int]
    outcomes: Counter[str]


class Fuzzer:
    """A collector and an enricher with everything switched on.

    Args:
        folder: for the files that enrichments need.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = MemoryWriter()
        collector = CollectorSettings.model_validate(
            {
                "paths": {"/acme/track": TP2},
                "enable_default_redirect": True,
                "do_not_track_cookie": {"enabled": True, "name": "dnt", "value": "yes"},
                "cookie": {"domains": ["a.example"], "client_cookie_name": "spc"},
                "max_record_bytes": 4_000,
                "max_payload_bytes": 9_000,
                "max_body_bytes": 16_000,
            }
        )
        self._app = Collector(collector, self._writer, "fuzz-1")  # type: ignore[arg-type]
        self._enricher = Enricher(steps=build_steps(_everything(folder)))
        self.tally = Tally(Counter(), Counter())

    async def send(self, ask: Ask) -> None:
        """Send a request, and follow it to the end.

        Raises:
            Fault: something broke, or something is not accounted for.
        """
        self._writer.entries.clear()
        reply = await request(self._app, ask.method, ask.target, ask.headers, [ask.body])
        if reply is None or reply.status >= 500:
            raise Fault(f"answered {reply}")
        self.tally.statuses[reply.status] += 1
        tracked = (reply.status == 200 and ask.method != "OPTIONS") or reply.status == 302
        untracked = any(value.partition("=")[2].startswith("yes") for name, value in ask.headers if name == "Cookie")
        if tracked and not self._writer.entries and not untracked:
            raise Fault("answered as if it were recorded, but nothing is")
        if not tracked and self._writer.entries and "/r/" not in ask.target and reply.status != 400:
            raise Fault(f"answered {reply.status}, but recorded")
        for kind, _, data in self._writer.entries:
            self._follow(kind, data)

    def _follow(self, kind: Kind, data: bytes) -> None:
        outcomes: list[Outcome]
        if kind is Kind.OVERSIZE:
            outcomes = [size_violation(decode_size_violation(data), NOW_MS)]
        else:
            payload = decode_payload(data)
            outcomes = self._enricher.enrich(payload, NOW_MS)
            words = {word(outcome) for outcome in outcomes}
            if words and not words & WHOLE_PAYLOAD and payload.path == TP2 and payload.body is not None:
                try:
                    sent = len(parse_json(payload.body)["data"])
                except NotJsonError:
                    raise Fault("events came out of what is no JSON") from None
                if sent != len(outcomes):
                    raise Fault(f"{sent} events came in, {len(outcomes)} came out")
        if not outcomes:
            raise Fault("nothing came of a record")
        for outcome in outcomes:
            self.tally.outcomes[word(outcome)] += 1
            if not isinstance(outcome, FailedEvent):
                line = event_json.encode(outcome.event)
                msgspec.json.decode(line)
                if tsv.encode(outcome.event).count("\t") != 130 or b"\n" in line:
                    raise Fault("an event that cannot be written")
            elif outcome.category == "generic_error":
                raise Fault(f"the pipeline broke: {outcome.reason}")
            elif not outcome.reason or "\n" in outcome.reason or b"\n" in outcome.line():
                raise Fault("a failed event without a reason, or that cannot be written")


def _everything(folder: Path) -> EnrichmentSettings:
    """Settings with every enrichment on."""
    database = folder / "all.mmdb"
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Fuzz", float_type="f64")
    place = {"country": {"iso_code": "CN"}, "location": {"latitude": 43.88, "longitude": 1.5}, "isp": "Acme"}
    writer.insert_network(IPSet(["175.16.0.0/16"]), place | {"autonomous_system_number": 64_500})
    writer.to_db_file(str(database))
    files = {"ip_file": "10.0.0.0/8\n", "exclude_useragent_file": "curl|1||0|0|0|\n"}
    files["include_useragent_file"] = "mozilla|1|0\n"
    for name, text in files.items():
        (folder / name).write_text(text)
    criterion = "iglu:com.acme/product/jsonschema/1-*-*"
    return EnrichmentSettings.model_validate(
        {
            "cross_navigation": {"enabled": True},
            "ip_lookups": {"geo": str(database), "isp": str(database)},
            "asn_lookups": {"bot_asns": [64_500]},
            "iab": {name: str(folder / name) for name in files},
            "bot_detection": {"enabled": True},
            "event_fingerprint": {"enabled": True},
            "cookie_extractor": {"cookies": ["ck", "a"]},
            "http_header_extractor": {"headers_pattern": "x-.*|origin"},
            "anon_ip": {"enabled": True, "anon_octets": 2},
            "pii": {
                "enabled": True,
                "salt": "pepper123",
                "columns": ["user_id", "user_ipaddress"],
                "json_fields": [
                    {"field": field, "schema_criterion": criterion, "json_path": "$..*"}
                    for field in ("unstruct_event", "contexts")
                ],
            },
        }
    )


async def run(seed: int, numbers: range, report_every: int = 0) -> Tally:
    """Send these requests of a seed, one after the other.

    Raises:
        Fault: names the seed and the number of the request that broke something.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(Path(folder))
        for done, number in enumerate(numbers, start=1):
            ask = Drawn(f"{seed}:{number}").ask()
            try:
                await fuzzer.send(ask)
            except Exception as error:
                raise Fault(f"seed {seed}, payload {number}: {error!r}\n{ask!r}") from error
            if report_every and done % report_every == 0:
                rate = done / (time.monotonic() - started)
                print(f"{done:,} of {len(numbers):,} payloads, {rate:,.0f} a second", flush=True)
    return fuzzer.tally


def main() -> int:
    """Run a long fuzz, or one request of it again."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--payloads", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--first", type=int, default=0, help="the number of the first one")
    asked = parser.parse_args()
    print(f"seed {asked.seed} (FUZZ_SEED={asked.seed} draws the same again)", flush=True)
    started = time.monotonic()
    try:
        tally = asyncio.run(run(asked.seed, range(asked.first, asked.first + asked.payloads), 20_000))
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 1
    seconds = time.monotonic() - started
    print(f"{asked.payloads:,} payloads in {seconds:,.0f} s, {asked.payloads / seconds:,.0f} a second; no fault")
    print("statuses:", ", ".join(f"{status}: {count:,}" for status, count in sorted(tally.statuses.items())))
    print("outcomes:", ", ".join(f"{name}: {count:,}" for name, count in tally.outcomes.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
