"""More than a server can do, for seconds; `make overload` does it for a minute, and looks at times, too."""

import os
import signal
import uuid
from pathlib import Path

import httpx
import pytest

from conftest import Server, eventually
from faults.overload import MORE_MEMORY, overload, report, total
from process_shop import PAYLOAD_DATA, TP2, Shop, shop_event

pytestmark = pytest.mark.process


def test_ten_times_the_sustainable_rate_costs_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    figures = overload(tmp_path, seconds=2, measuring=0.6, connections=128, behind=0.3)
    report(figures)
    offered = figures.offered
    assert figures.differences == []
    assert figures.profiles == 1_000 and offered.acknowledged.total() > 0
    assert offered.unanswered == 0 and set(offered.statuses) <= {200, 503}
    assert 0 not in offered.retries, "a refusal without Retry-After"
    assert figures.reads.failed == [] and figures.reads.waits
    assert total(figures.most) < total(figures.before) + MORE_MEMORY


def test_an_engine_that_stands_still_is_waited_for_by_trackers_not_by_reads(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", settings="[collector]\nmax_lag_bytes = 300000\n")
    shop = Shop(server.url, server.token)
    shop.publish()
    engine = server.process_of("engine_process")
    statuses: list[int] = []
    taken = 0

    def refused() -> bool:
        """Send until it is refused; every request has 100 views of one user."""
        nonlocal taken
        events = [shop_event("somebody", "product_view") for _ in range(100)]
        answer = shop.http.post(TP2, json={"data": events, "schema": PAYLOAD_DATA})
        statuses.append(answer.status_code)
        taken += 100 * (answer.status_code == 200)
        assert answer.status_code == 200 or int(answer.headers["retry-after"]) >= 1
        return answer.status_code == 503

    try:
        os.kill(engine, signal.SIGSTOP)
        eventually(refused, "trackers are told to come back")
        assert refused() and refused()
        ready = shop.http.get("/ready")
        assert ready.status_code == 200 and "collector.max_lag_bytes" in ready.text
        assert shop.http.get("/sink-health").status_code == 503
        assert server.metric("snowmelt_collector_refusing") == 1
        assert server.metric("snowmelt_engine_lag_bytes") > 300_000
        assert shop.read([str(uuid.uuid4())]) == [(None, None, None)]
        os.kill(engine, signal.SIGCONT)
        eventually(lambda: not refused(), "requests are taken again")
        assert server.metric("snowmelt_collector_refusing") == 0
        eventually(lambda: shop.read(["somebody"])[0][0] == taken, "everything acknowledged is counted, nothing else")
        assert set(statuses) == {200, 503}
        assert httpx.get(f"{server.url}/ready").text == "ready"
    finally:
        os.kill(engine, signal.SIGCONT)
        shop.http.close()
        server.close()
