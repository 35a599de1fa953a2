"""The spans of a real server, as whoever takes them receives them; and that nothing is loaded when it is off."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from conftest import Server, eventually
from process_shop import PAYLOAD_DATA, TP2, Shop, shop_event
from receiver import Receiver
from snowmelt.stores.event_log import EventLog, Kind, decode_payload
from span_receiver import Span, SpanReceiver

SERVER, CLIENT, CONSUMER = 2, 3, 5
process = pytest.mark.process


def sent(shop: Shop, visitor: str, **headers: str) -> str:
    """Send one event, and give the id of its request."""
    own = str(uuid4())
    body = {"schema": PAYLOAD_DATA, "data": [shop_event(visitor, "add_to_cart", 5.0)]}
    shop.http.post(TP2, json=body, headers={"X-Request-ID": own, **headers}).raise_for_status()
    return own


def tree(spans: SpanReceiver, own: str) -> dict[str, Span]:
    """The spans of a request's trace by name, once its last phase has come."""
    found: dict[str, Span] = {}

    def complete() -> bool:
        roots = [span for span in spans.spans() if span.about.get("snowmelt.request_id") == own]
        found.update({span.name: span for root in roots for span in spans.spans() if span.trace == root.trace})
        return {"engine step", "commit", "append to the event log"} <= found.keys() and bool(roots)

    eventually(complete, "the spans of the request have come", 30)
    return found


@process
def test_an_event_is_one_tree_from_the_request_to_the_commit(
    running: Server, traced: Shop, spans: SpanReceiver
) -> None:
    visitor = str(uuid4())
    found = tree(spans, sent(traced, visitor))
    root = found["POST /{vendor}/{version}"]
    step = found["engine step"]
    assert {(span.name, span.parent) for span in found.values()} == {
        (root.name, ""),
        ("append to the event log", root.id),
        ("engine step", root.id),
        ("enrich", step.id),
        ("apply", step.id),
        ("commit", step.id),
    }
    assert (root.kind, step.kind) == (SERVER, CONSUMER)
    phases = [found["append to the event log"], found["enrich"], found["apply"], found["commit"]]
    for earlier, later in pairwise(phases[1:]):
        assert earlier.start <= earlier.end == later.start <= later.end
    assert root.start <= phases[0].start <= phases[0].end <= root.end
    assert (step.start, step.end) == (phases[1].start, phases[3].end)
    assert root.about["http.response.status_code"] == 200 and phases[0].about["snowmelt.log.records"] == 1
    assert {span.about["service.name"] for span in found.values()} == {"shop-signals"}
    told = {span.name: span.about["snowmelt.process"] for span in found.values()}
    assert told == {name: "engine" if name in {"engine step", "enrich", "apply", "commit"} else "web" for name in told}
    place = step.about["snowmelt.log.place"]
    assert place == running.metric("snowmelt_log_head")
    assert not any(visitor.encode() in body for body in spans.bodies), "spans tell nothing of people"


@process
def test_a_trace_is_continued_and_one_that_is_not_sampled_is_not(
    running: Server, traced: Shop, spans: SpanReceiver
) -> None:
    trace, parent = uuid4().hex, uuid4().hex[:16]
    quiet = sent(traced, str(uuid4()), traceparent=f"00-{uuid4().hex}-{uuid4().hex[:16]}-00")
    loud = sent(traced, str(uuid4()), traceparent=f"00-{trace}-{parent}-01")
    found = tree(spans, loud)
    [root] = [span for span in found.values() if span.kind == SERVER]
    assert (root.trace, root.parent) == (trace, parent)
    assert quiet not in {span.about.get("snowmelt.request_id") for span in spans.spans()}
    with closing(EventLog(running.data_dir / "log")) as log:
        payloads = [decode_payload(record.body) for record in log.follow() if record.kind is Kind.PAYLOAD]
    kept = {payload.request_id: payload.traceparent for payload in payloads}
    assert kept[quiet] is None and str(kept[loud]).startswith(f"00-{trace}-{root.id}-")


@process
def test_requests_of_one_step_have_each_a_span_of_it(running: Server, traced: Shop, spans: SpanReceiver) -> None:
    engine = running.process_of("engine_process")
    os.kill(engine, signal.SIGSTOP)
    try:
        owns = [sent(traced, str(uuid4())) for _ in range(5)]
    finally:
        os.kill(engine, signal.SIGCONT)

    def steps() -> list[Span]:
        traces = {span.trace for span in spans.spans() if span.about.get("snowmelt.request_id") in owns}
        return [span for span in spans.named("engine step") if span.trace in traces]

    eventually(lambda: len(steps()) == 5, "each trace has its step", 30)
    phases = {span.parent for span in spans.named("commit")}
    whole = [span for span in steps() if span.id in phases]
    linked = [span for span in steps() if span.id not in phases]
    assert whole and all(link in {(one.trace, one.id) for one in whole} for span in linked for link in span.links)
    assert all(len(span.links) == 1 for span in linked)


@process
def test_reads_have_spans_that_name_routes_and_no_values(traced: Shop, spans: SpanReceiver) -> None:
    visitor = str(uuid4())
    traced.read([visitor])
    groups = "/api/v1/registry/attribute_groups"
    assert traced.http.get(f"{groups}/ecom_attributes/", headers=traced.auth).status_code == 200
    assert traced.http.get(f"{groups}/").status_code == 401
    traced.http.get("/health")
    expected = {
        ("POST /api/v1/get-online-attributes", 200),
        ("GET /api/v1/registry/attribute_groups/{name}", 200),
        ("GET /api/", 401),
    }

    def told() -> set[tuple[str, int]]:
        return {(span.name, span.about["http.response.status_code"]) for span in spans.spans() if span.kind == SERVER}

    eventually(lambda: expected <= told(), "reads are told of")
    assert not [name for name, _ in told() if "ecom" in name or "health" in name]
    assert not any(visitor.encode() in body for body in spans.bodies)


@process
def test_the_receiver_of_a_webhook_may_continue_its_trace(running: Server, traced: Shop, spans: SpanReceiver) -> None:
    def snowmelt(*arguments: str) -> str:
        command = [sys.executable, "-m", "snowmelt", *arguments, "--data-dir", "."]
        return subprocess.run(command, cwd=running.data_dir, check=True, capture_output=True, text=True).stdout

    with Receiver() as receiver:
        text = snowmelt("webhook", "add", "crm", receiver.url)
        receiver.secret = next(line.split()[1] for line in text.splitlines() if line.startswith("secret"))
        eventually(lambda: len(running.processes()) == 4, "the sending process is started", 30)
        sent(traced, str(uuid4()))
        eventually(lambda: receiver.taken, "the message has arrived", 30)
        [(message, traceparent)] = list(receiver.traceparents.items())[:1]
        eventually(lambda: spans.named("webhook"), "its span has come", 30)
    span = next(one for one in spans.named("webhook") if one.about["snowmelt.intervention_id"] == message)
    assert traceparent is not None and traceparent.startswith(f"00-{span.trace}-{span.id}-")
    assert (span.kind, span.about["snowmelt.webhook"], span.about["http.response.status_code"]) == (CLIENT, "crm", 204)
    assert not any(b"of-the-receiver" in body for body in spans.bodies), "no secret of the receiver's address"


def test_nothing_of_it_is_loaded_when_it_is_off() -> None:
    script = """
import sys
from snowmelt.runtimes import engine_process, web, webhook_process
from snowmelt.runtimes.tracing import spans_of
from snowmelt.settings import Settings
assert spans_of(Settings(), "web") is None
print([name for name in sys.modules if name.startswith(("opentelemetry", "google.protobuf"))])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """A server that is to trace and cannot says so and does not start."""
    script = """
import sys
sys.modules["opentelemetry.exporter.otlp.proto.http.trace_exporter"] = None
from snowmelt.runtimes.tracing import TracingUnavailable, spans_of
from snowmelt.settings import Settings, TracingSettings
try:
    spans_of(Settings(tracing=TracingSettings(enabled=True)), "web")
except TracingUnavailable as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "pip install 'snowmelt[otel]'" in done.stdout
