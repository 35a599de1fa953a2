"""Spans of requests, appends, steps of the engine and webhooks, sent by OTLP over HTTP.

Only this module knows OpenTelemetry, and only a process that traces imports it. Spans hold ids, kinds, sizes and
statuses: no query strings, no identifiers, nothing of what events say.
"""

import os
import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import bind_contextvars

from snowmelt import __version__
from snowmelt.api.app import is_api_path
from snowmelt.api.asgi import App, Message, Receive, Scope, Send
from snowmelt.api.context_door import PATH as CONTEXT_PATH
from snowmelt.api.deliveries import PATH as STREAM_PATH
from snowmelt.api.online import PATH as ONLINE_PATH
from snowmelt.collector.app import PIXEL_PATHS
from snowmelt.collector.writer import Entry, LogWriter
from snowmelt.micro.door import is_micro_path
from snowmelt.runtimes.request_ids import SCOPE_KEY as REQUEST_ID
from snowmelt.runtimes.step_trace import StepTrace
from snowmelt.stores.bell import Bell
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.webhooks import Endpoint
from snowmelt.webhooks.attempt import Outcome, Sender

MOST_REQUESTS: Final = 64
"""Traced requests of one step that get a span of it."""
FLUSH_SECONDS: Final = 3.0
"""How long a process that stops waits for whoever takes its spans."""

_UNTRACED: Final = frozenset({"/health", "/ready", "/metrics", "/sink-health", "/health-all"})
"""What probes ask for every few seconds."""
_ROUTES: Final = frozenset({ONLINE_PATH, CONTEXT_PATH, STREAM_PATH, "/mcp", *PIXEL_PATHS})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class Spans:
    """Makes the spans of one process and sends them in the background.

    Args:
        process: of the server; an attribute of all its spans.
        continues: whether a request's own ``traceparent`` is continued.
    """

    def __init__(self, process: str, *, continues: bool) -> None:
        about = {"service.version": __version__, "snowmelt.process": process}
        named = "service.name" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        if not (named or os.environ.get("OTEL_SERVICE_NAME")):
            about["service.name"] = "snowmelt"
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("snowmelt", __version__)
        self._continues = continues

    def close(self) -> None:
        """Send what is left, if it is taken in time."""
        thread = threading.Thread(target=self._provider.shutdown, name="spans", daemon=True)
        thread.start()
        thread.join(FLUSH_SECONDS)

    def requests(self, app: App) -> App:
        """The same app with a span for each request but those of probes."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] in _UNTRACED:
                await app(scope, receive, send)
                return
            method = scope["method"] if scope["method"] in _METHODS else "HTTP"
            attributes = {"http.request.method": method, "snowmelt.request_id": scope[REQUEST_ID]}
            parent = self._parent(scope) if self._continues else Context()
            span = self._tracer.start_span(method, parent, SpanKind.SERVER, attributes)
            told = _traceparent(span)
            if told is not None:
                scope["traceparent"] = told
                bind_contextvars(trace_id=told.split("-")[1])
            streams = method == "GET" and scope["path"] == STREAM_PATH

            async def watched(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _answered(span, message["status"])
                    if streams:  # which lasts for hours, and is no work
                        _finish(span, method, scope)
                await send(message)

            try:
                with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                    await app(scope, receive, watched)
            except Exception:
                span.set_status(Status(StatusCode.ERROR))
                raise
            finally:
                _finish(span, method, scope)

        return traced

    def writer(self, log: EventLog, bell: Bell) -> LogWriter:
        """A writer of the event log with a span for each request's append."""
        tracer = self._tracer

        class TracedWriter(LogWriter):
            async def append(self, *entries: Entry) -> None:
                if not trace.get_current_span().is_recording():
                    await super().append(*entries)
                    return
                with tracer.start_as_current_span("append to the event log", record_exception=False) as span:
                    span.set_attribute("snowmelt.log.records", len(entries))
                    span.set_attribute("snowmelt.log.bytes", sum(len(body) for _, _, body in entries))
                    await super().append(*entries)

        return TracedWriter(log, bell)

    def sender(self, allow_private: bool) -> Sender:
        """A sender of webhooks with a span for each attempt, which the receiver may continue."""
        tracer = self._tracer

        class TracedSender(Sender):
            async def send(self, endpoint: Endpoint, message_id: str, body: bytes) -> Outcome:
                about = {"snowmelt.webhook": endpoint.name, "snowmelt.intervention_id": message_id}
                with tracer.start_as_current_span("webhook", None, SpanKind.CLIENT, about) as span:
                    outcome = await super().send(endpoint, message_id, body)
                    if outcome.status:
                        span.set_attribute("http.response.status_code", outcome.status)
                    if not outcome.taken:
                        span.set_status(Status(StatusCode.ERROR))
                    return outcome

            def trace_headers(self) -> dict[str, str]:
                carrier: dict[str, str] = {}
                _PROPAGATOR.inject(carrier)
                return carrier

        return TracedSender(allow_private)

    def step(self, done: StepTrace) -> None:
        """Tell of a committed step of the engine, in the trace of each traced request whose events it has applied.

        The first one's has the phases; the spans in the others lead to it by a link.
        """
        told = list(done.requests.items())[:MOST_REQUESTS]
        if not told:
            return
        about = {"snowmelt.step.events": done.events, "snowmelt.step.traced_requests": len(done.requests)}
        first: Span | None = None
        for traceparent, place in told:
            parent = _PROPAGATOR.extract({"traceparent": traceparent})
            links: Sequence[Link] = [] if first is None else [Link(first.get_span_context())]
            span = self._tracer.start_span(
                "engine step", parent, SpanKind.CONSUMER, about | {"snowmelt.log.place": place}, links, done.marks[0][1]
            )
            if first is None:
                first = span
                within = trace.set_span_in_context(span)
                for (phase, start), (_, end) in pairwise(done.marks):
                    self._tracer.start_span(phase, within, start_time=start).end(end)
            span.end(done.marks[-1][1])

    def _parent(self, scope: Scope) -> Context:
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"traceparent", b"tracestate")
        }
        return _PROPAGATOR.extract(carrier, Context())


def _traceparent(span: Span) -> str | None:
    """The header that stands for a span, or ``None`` if it is not sampled."""
    context = span.get_span_context()
    if not context.trace_flags.sampled:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _answered(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def _finish(span: Span, method: str, scope: Scope) -> None:
    if span.is_recording():
        route = _route(scope)
        span.set_attribute("http.route", route)
        span.update_name(f"{method} {route}")
        span.end()


def _route(scope: Scope) -> str:
    """What a request was for, in few words and without what it names."""
    path: str = scope["path"]
    found = getattr(scope.get("route"), "path_format", None)
    if isinstance(found, str):
        # The framework tells the route as its router knows it, without what all routers of the API share.
        shared = "/api/v1" if path.startswith("/api/v1/") and not found.startswith("/api/") else ""
        return shared + found
    if path.rstrip("/") in _ROUTES:
        return path.rstrip("/")
    if is_api_path(path):
        return "/docs/" if path.startswith("/docs") else "/api/"
    if is_micro_path(path):
        return "/micro/"
    return "/{vendor}/{version}" if path.count("/") == 2 else "/"
