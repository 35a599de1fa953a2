"""What `/metrics` shows of sources and outputs, as they noted it in the event log."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from snowmelt.connectors.kafka_positions import PROGRESS, decode_progress
from snowmelt.connectors.output_progress import all_progress
from snowmelt.stores.event_log import EventLog

_SOURCE = ("source", "topic", "partition")


def source_metrics(log: EventLog) -> Iterator[Metric]:
    """How far each source has come in each partition that this server has ever read."""
    found = sorted(
        map(decode_progress, log.notes(PROGRESS)),
        key=lambda each: (each.source, each.place.topic, each.place.partition),
    )
    messages = CounterMetricFamily("snowmelt_source_messages", "Messages taken from Kafka", labels=_SOURCE)
    unreadable = CounterMetricFamily("snowmelt_source_unreadable", "Messages that were no events", labels=_SOURCE)
    skipped = CounterMetricFamily("snowmelt_source_skipped", "Messages deleted before they were read", labels=_SOURCE)
    assigned = GaugeMetricFamily("snowmelt_source_assigned", "Whether this server reads the partition", labels=_SOURCE)
    lag = GaugeMetricFamily("snowmelt_source_lag", "Messages that wait in the partition", labels=_SOURCE)
    for each in found:
        labels = (each.source, each.place.topic, str(each.place.partition))
        messages.add_metric(labels, each.messages)
        unreadable.add_metric(labels, each.unreadable)
        skipped.add_metric(labels, each.skipped)
        assigned.add_metric(labels, each.assigned)
        if each.assigned:
            lag.add_metric(labels, each.lag)
    yield from (messages, unreadable, skipped, assigned, lag)


def output_metrics(log: EventLog) -> Iterator[Metric]:
    """How far each output has come in the log."""
    labels = ["output"]
    events = CounterMetricFamily("snowmelt_output_events", "Enriched events written", labels=labels)
    failed = CounterMetricFamily("snowmelt_output_failed", "Failed events written", labels=labels)
    missed = CounterMetricFamily("snowmelt_output_missed", "Records dropped before they were written", labels=labels)
    lag = GaugeMetricFamily("snowmelt_output_lag", "Records of the event log that wait for the output", labels=labels)
    head = log.head()
    for each in all_progress(log):
        events.add_metric([each.name], each.events)
        failed.add_metric([each.name], each.failed)
        missed.add_metric([each.name], each.missed)
        lag.add_metric([each.name], max(head - each.position, 0))
    yield from (events, failed, missed, lag)
