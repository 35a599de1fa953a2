"""A server that is watched in every way, and the figures of what was looked at, at the end of a run in one process."""

from collections.abc import Iterator
from typing import Any

import pytest

from conftest import Server
from figures import COUNTS, print_counts
from process_shop import Shop
from span_receiver import SpanReceiver

SETTINGS = """
[tracing]
enabled = true
[webhooks]
allow_private = true
"""
RULE = {
    "name": "cart",
    "version": 1,
    "owner": "user@company.com",
    "is_published": True,
    "target_attribute_keys": [{"name": "domain_userid"}],
    "criteria": {"attribute": "ecom_attributes:count_add_to_cart", "operator": ">", "value": 0},
}


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was looked at."""
    print_counts(terminalreporter)


@pytest.fixture(scope="session")
def spans() -> Iterator[SpanReceiver]:
    with SpanReceiver() as receiver:
        yield receiver
        COUNTS["spans seen"] += len(receiver.spans())


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, spans: SpanReceiver) -> Iterator[Server]:
    """A server that traces, told where to by the standard variables."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", spans.url)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        environment.setenv("OTEL_SERVICE_NAME", "shop-signals")
        server = Server(tmp_path_factory.mktemp("traced") / "data", settings=SETTINGS)
    yield server
    server.close()


@pytest.fixture(scope="session")
def traced(running: Server) -> Iterator[Shop]:
    """A client of it, with the tutorial and an intervention published."""
    client = Shop(running.url, running.token)
    client.publish()
    answer = client.http.post("/api/v1/registry/interventions/", json=RULE, headers=client.auth)
    assert answer.status_code == 201, answer.text
    running.flush()
    yield client
    client.http.close()
