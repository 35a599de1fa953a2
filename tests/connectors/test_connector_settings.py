"""What can be set of sources and outputs, and what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from snowmelt.cli.errors import CommandError
from snowmelt.cli.ingest_kafka import source_of
from snowmelt.settings import Settings
from snowmelt.settings_connectors import KafkaSource

SOURCE = {"name": "main", "brokers": "localhost:9092", "topic": "enriched"}
OUTPUT = {"name": "onward", "type": "kafka", "brokers": "localhost:9092", "good_topic": "good"}


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"group.id": "x"}, "`group.id` cannot be set here: use `group`"),
        ({"auto.offset.reset": "latest"}, "use `start`"),
        ({"enable.auto.commit": True}, "Snowmelt sets it, since counting once depends on it"),
        ({"security_Protocol!": "SSL"}, "is no property of librdkafka"),
    ],
)
def test_properties_that_are_not_free(properties: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        KafkaSource.model_validate(SOURCE | {"properties": properties})


def test_secrets_are_not_shown() -> None:
    source = KafkaSource.model_validate(SOURCE | {"properties": {"sasl.password": "hush"}})
    assert "hush" not in repr(source)
    assert "hush" not in repr(Settings(sources=[source]))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sources": [SOURCE, SOURCE]}, "two have the name `main`"),
        ({"outputs": [OUTPUT, OUTPUT]}, "two have the name `onward`"),
        ({"sources": [SOURCE | {"name": "../x"}]}, "name"),
        ({"sources": [SOURCE | {"start": "2026-01-01T00:00:00"}]}, "start"),
        ({"outputs": [OUTPUT | {"key": "txn_id"}]}, "`txn_id` is no enriched column that holds text"),
        ({"outputs": [OUTPUT | {"type": "s3"}]}, "type"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Settings(**settings)


def test_sources_as_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWMELT_SOURCES", '[{"name": "main", "brokers": "b:1", "topic": "t"}]')
    assert Settings().sources[0].group == "snowmelt"


def test_an_address_is_a_source() -> None:
    source = source_of("kafka://a:1,b:2/t?group=g&start=latest&sasl.username=u", "enriched-json")
    assert (source.brokers, source.topic, source.group) == ("a:1,b:2", "t", "g")
    assert (source.start, source.format, source.properties) == ("latest", "enriched-json", {"sasl.username": "u"})
    with pytest.raises(CommandError) as caught:
        source_of("kafka:///t/u?acks=0", "payload")
    for member in ("brokers", "topic", "format", "properties"):
        assert f"\n  {member}" in str(caught.value)
