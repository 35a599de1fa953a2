"""Reads over HTTP, Snowmelt beside Feast's Python feature server: ten values of one identifier a request.

Both servers run in one process, hold the same values, and are asked by the same load generator in turn. What they
answer is compared before anything is measured.
"""

import json
import os
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from bench.groups import usual_group
from bench.load import Load, endless, http_request, load
from bench.rivals import ROOT, interpreter
from bench.row import Row, percentile, rate_row, spread
from bench.server import JSON, READ, TP2, USERS, cart
from snowmelt.definitions import Service
from snowmelt.testing import Server

SECONDS, RUNS, CONNECTIONS = 4.0, 3, 32
WITH_FEAST = True
START_SECONDS = 180
KEY = "domain_userid"
ON_FEAST = ROOT / "bench" / "rival_servers" / "on_feast.py"
Columns = dict[str, list[Any]]


class Asked(NamedTuple):
    """A server and how it is asked.

    Args:
        name: for the table.
        url: its address.
        requests: one for each user, as bytes.
    """

    name: str
    url: str
    requests: list[bytes]


def run(folder: Path) -> list[Row]:
    """All rows, from servers in a folder."""
    with ExitStack() as running:
        snowmelt, values = running.enter_context(snowmelt_server(folder / "snowmelt"))
        servers = [snowmelt]
        if WITH_FEAST:
            servers.append(running.enter_context(feast_server(folder / "feast", values)))
        pings, loads = measured(servers)
    return [row for server in servers for row in rows(server, snowmelt, pings, loads)]


def measured(servers: Sequence[Asked]) -> tuple[dict[str, list[Load]], dict[str, list[Load]]]:
    """What came of asking for the health and for values, by server; they are asked in turn."""
    pings: dict[str, list[Load]] = {server.name: [] for server in servers}
    loads: dict[str, list[Load]] = {server.name: [] for server in servers}
    for _ in range(RUNS):
        for server in servers:
            ping = [http_request("GET", server.url, "/health")]
            pings[server.name].append(load(server.url, ping, CONNECTIONS, SECONDS / 2))
            loads[server.name].append(load(server.url, server.requests, CONNECTIONS, SECONDS))
    assert not any(one.failed for ones in (*pings.values(), *loads.values()) for one in ones)
    return pings, loads


def rows(server: Asked, first: Asked, pings: dict[str, list[Load]], loads: dict[str, list[Load]]) -> list[Row]:
    """The rows of a server, compared with those of the first."""

    def rate(ones: list[Load]) -> float:
        return statistics.median(one.rate for one in ones)

    def latency(of: Asked, percent: float) -> float:
        return percentile([seconds for one in loads[of.name] for seconds in one.latencies], percent) * 1000

    own, ping = loads[server.name], pings[server.name]
    median, slow = latency(server, 50), latency(server, 99)
    beside = f"{rate(own) / rate(ping) * 100:.0f} % of its /health"
    quicker = ""
    if server is not first:
        beside += f"; Snowmelt is {rate(loads[first.name]) / rate(own):.1f} x"
        quicker = f"Snowmelt: {median / latency(first, 50):.1f} x and {slow / latency(first, 99):.1f} x sooner"
    ours = server is first
    return [
        rate_row(f"{server.name}: GET /health", spread([one.rate for one in ping]), "requests"),
        rate_row(
            f"{server.name}: ten values of one identifier",
            spread([one.rate for one in own]),
            "requests",
            beside,
            ">= 15,000 requests/s" if ours else "",
        ),
        Row(
            f"{server.name}: time to the answer",
            f"p50 {median:.1f} ms, p99 {slow:.1f} ms",
            ratio=quicker,
            budget="p99 <= 5 ms" if ours else "",
        ),
    ]


@contextmanager
def snowmelt_server(folder: Path) -> Iterator[tuple[Asked, Columns]]:
    """A server whose users have five events each, and what it answers for all of them."""
    group = usual_group()
    service = Service(name="usual", attribute_groups=[group], owner="user@company.com")
    with Server(folder) as server:
        server.signals.publish([group, service])
        with httpx.Client(base_url=server.url, timeout=30) as client:
            for body in endless([tracked(number, user) for number, user in enumerate(USERS)]):
                client.post(TP2, content=body, headers=JSON).raise_for_status()
                if body.find(USERS[-1].encode()) >= 0:
                    break
            server.flush(60)
            headers = JSON | {"Authorization": f"Bearer {server.token}"}
            body = {"service": "usual", "attribute_keys": {KEY: USERS}}
            columns: Columns = client.post(READ, json=body, headers=headers).raise_for_status().json()
        assert list(columns) == list(group.column_names())
        check(columns)
        bodies = [json.dumps({"service": "usual", "attribute_keys": {KEY: [user]}}).encode() for user in USERS]
        requests = [http_request("POST", server.url, READ, body, headers) for body in bodies]
        yield Asked("Snowmelt", server.url, requests), columns


def tracked(number: int, user: str) -> bytes:
    """What a user did: looked at a page and at a product, and put three things into the cart."""
    page = {name: value for name, value in cart(user).items() if name not in ("ue_pr", "co")} | {"e": "pv"}
    view = cart(user)
    view["ue_pr"] = view["ue_pr"].replace("add_to_cart", "product_view")
    carts = [cart(user) for _ in range(3)]
    for each in (view, *carts):
        each["co"] = each["co"].replace("39.9", str(price(number)))
    schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
    return json.dumps({"schema": schema, "data": [page, view, *carts]}).encode()


def price(number: int) -> float:
    """What a user's things cost: with a fraction that binary numbers hold exactly."""
    return 1.25 + number


def check(columns: Columns) -> None:
    """Compare what Snowmelt answers with what was sent."""
    prices = [price(number) for number in range(len(USERS))]
    count = len(USERS)
    assert columns["carts"] == columns["carts_1h"] == [3] * count
    assert columns["views"] == columns["pages"] == [1] * count
    assert columns["spent"] == columns["spent_1d"] == [3 * each for each in prices]
    assert columns["dearest"] == columns["mean_price"] == prices
    assert columns["first_page"] == columns["last_page"] == ["/p/lmp-204"] * count


@contextmanager
def feast_server(folder: Path, values: Columns) -> Iterator[Asked]:
    """Feast's server with these values, after it answered each of them as it was written."""
    folder.mkdir()
    given = folder / "values.json"
    given.write_text(json.dumps({KEY: USERS} | values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    # Releases that report their use are told not to, and what is put into the home folder belongs to this run.
    environment = os.environ | {"FEAST_USAGE": "False", "HOME": str(folder)}
    command = [interpreter("feast"), "-W", "ignore", str(ON_FEAST), str(given), str(folder), str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
    try:
        wait_for(url, process, folder / "log")
        features = [f"usual:{name}" for name in values]  # quicker than naming a feature service
        bodies = [json.dumps({"features": features, "entities": {KEY: [user]}}).encode() for user in USERS]
        with httpx.Client(base_url=url, timeout=30) as client:
            for number, body in enumerate(bodies):
                answer = client.post("/get-online-features", content=body, headers=JSON).raise_for_status().json()
                told = dict(zip(answer["metadata"]["feature_names"], answer["results"], strict=True))
                expected = {name: [column[number]] for name, column in values.items()}
                assert {name: one["values"] for name, one in told.items() if name != KEY} == expected, answer
        requests = [http_request("POST", url, "/get-online-features", body, JSON) for body in bodies]
        yield Asked("Feast, SQLite online store", url, requests)
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return as soon as the server answers; raise if it ended or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if httpx.get(f"{url}/health", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Feast's server does not answer:\n{log.read_text()}")
        time.sleep(0.1)
