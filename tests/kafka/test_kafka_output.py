"""What trackers send goes out to Kafka, good and failed, whoever dies; and a server of one's own can read it again."""

import gzip
import json
import os
import signal
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Server, eventually
from kafka.broker import Broker
from machine import MB, NOW, page_view, request
from process_shop import Shop
from snowmelt.connectors.engine_verdicts import EngineVerdicts
from snowmelt.connectors.kafka_sink import KafkaSink
from snowmelt.connectors.output_lines import Line, Lines
from snowmelt.connectors.output_progress import load
from snowmelt.connectors.output_writer import OutputWriter
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.events import tsv
from snowmelt.settings_connectors import KafkaOutput
from snowmelt.stores.event_log import EventLog, Kind, encode_payload
from snowmelt.stores.failed_events import FailedEvents

SETTINGS = """
[[outputs]]
type = "kafka"
name = "onward"
brokers = "{broker}"
good_topic = "{good}"
failed_topic = "{failed}"
key = "user_id"

[[outputs]]
type = "files"
name = "lake"
folder = "{folder}"
"""


@pytest.fixture
def failed_topic(broker: Broker) -> str:
    name = f"failed-{uuid.uuid4().hex[:8]}"
    broker.make_topic(name, 1)
    return name


@pytest.fixture
def server(tmp_path: Path, broker: Broker, topic: str, failed_topic: str) -> Iterator[Server]:
    """A server with an output to the topic, and one into files."""
    folder = tmp_path / "data"
    folder.mkdir()
    settings = SETTINGS.format(broker=broker.address, good=topic, failed=failed_topic, folder=tmp_path / "lake")
    (folder / "snowmelt.toml").write_text(settings)
    running = Server(folder)
    yield running
    running.close()


def _written(server: Server) -> list[float]:
    """Events that each output has written, then failed ones."""
    return server.metrics("snowmelt_output_events_total") + server.metrics("snowmelt_output_failed_total")


def _by_output(server: Server) -> dict[str, float]:
    """Events that each output has written, by its name."""
    return server.metrics_by("snowmelt_output_events_total", "output")


@pytest.mark.process
@pytest.mark.crash
def test_everything_goes_out_whoever_dies(
    server: Server, broker: Broker, topic: str, failed_topic: str, tmp_path: Path
) -> None:
    shop = Shop(server.url, server.token)
    sent: list[str] = []
    stopping = threading.Event()

    def track() -> None:
        while not stopping.wait(0.002):
            ids = [str(uuid.uuid4()) for _ in range(5)]
            shop.track([page_view(f"u{number}", eid=eid) for number, eid in enumerate(ids)])
            sent.extend(ids)
            shop.track([page_view("u", vid="x")])

    tracker = threading.Thread(target=track)
    tracker.start()
    for victim in ("onward", "lake", "onward"):
        written = _by_output(server)[victim]
        eventually(lambda name=victim, was=written: _by_output(server)[name] > was, "events go out")  # type: ignore[misc]
        [pid] = [pid for pid in server.processes() if f"\0{victim}\0" in Path(f"/proc/{pid}/cmdline").read_text()]
        os.kill(pid, signal.SIGKILL)
    # The broker dies with messages on their way. Nobody waits for it, and it gets all of them when it is there again.
    broker.kill()
    before, acknowledged = _by_output(server), len(sent)
    eventually(lambda: len(sent) > acknowledged + 50, "trackers are answered")
    eventually(lambda: _by_output(server)["lake"] > before["lake"] + 50, "files are written")
    broker.start()
    eventually(lambda: _by_output(server)["onward"] > before["onward"] + 50, "events go out to the broker again", 30)
    stopping.set()
    tracker.join()
    shop.http.close()
    bad = len(sent) // 5
    eventually(lambda: _written(server) == [len(sent), len(sent), bad, bad], "everything is written")
    # Into files once, to Kafka at least once.
    assert server.stop() == 0
    [good] = (tmp_path / "lake" / "good").iterdir()
    assert sorted(_ids(_gunzipped(good))) == sorted(sent)
    assert set(_ids(broker.messages(topic, 3))) == set(sent)
    rows = [json.loads(row) for row in broker.messages(failed_topic, 1)]
    assert len(rows) >= bad
    assert {row["schema"].split("/")[1] for row in rows} == {"schema_violations"}


def _gunzipped(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines()


def _ids(lines: list[bytes]) -> list[str]:
    return [tsv.decode(line.decode())["event_id"] for line in lines]


def test_lines_that_are_too_long_for_a_message_become_failed_events(
    broker: Broker, topic: str, failed_topic: str, tmp_path: Path
) -> None:
    log = EventLog(tmp_path / "log", map_size=64 * MB)
    settings = KafkaOutput(
        type="kafka",
        name="onward",
        brokers=broker.address,
        good_topic=topic,
        failed_topic=failed_topic,
        key="user_id",
        properties={"message.max.bytes": 4_000},
    )
    load(log, "onward")
    for user in ("u0", "u" * 200, "u1"):
        payload = request(page_view(user, url="https://shop.example/" + "x" * (len(user) * 20)))
        log.append([(Kind.PAYLOAD, NOW, encode_payload(payload))])
    failed = FailedEvents(tmp_path / "failed.sqlite")
    lines = Lines("enriched-tsv", Enricher(), EngineVerdicts(failed), "user_id")
    OutputWriter("onward", log, lines, lambda files: KafkaSink(settings)).run(lambda: load(log, "onward").position == 3)
    failed.close()
    log.close()
    users = [tsv.decode(line.decode())["user_id"] for line in broker.messages(topic, 3)]
    assert sorted(users) == ["u0", "u1"]
    [row] = [json.loads(line) for line in broker.messages(failed_topic, 1)]
    assert row["schema"].endswith("/size_violation/jsonschema/1-0-0")
    assert row["data"]["failure"]["actualSizeBytes"] > 4_000


def test_a_topic_that_takes_less_than_the_settings_say(broker: Broker, failed_topic: str) -> None:
    small = f"small-{uuid.uuid4().hex[:8]}"
    broker.make_topic(small, 1, **{"max.message.bytes": "1000"})
    sink = KafkaSink(
        KafkaOutput(type="kafka", name="o", brokers=broker.address, good_topic=small, failed_topic=failed_topic)
    )
    sink.write([Line(b"x" * 5_000), Line(b"short")], [], 1)
    sink.sync(lambda: False)
    sink.close()
    assert broker.messages(small, 1) == [b"short"]
    [row] = [json.loads(line) for line in broker.messages(failed_topic, 1)]
    assert row["data"]["failure"]["actualSizeBytes"] == 5_000
    assert row["data"]["payload"] == "x" * 499
