"""What `/metrics` shows."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from snowmelt.api.hub import Hub
from snowmelt.collector.app import Collector
from snowmelt.runtimes.connector_metrics import output_metrics, source_metrics
from snowmelt.runtimes.statistics import Statistics
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.profiles import ProfileReader


class ServerMetrics:
    """Reads the counts of the engine and the collector when they are asked for; nothing is paid per event.

    Args:
        log: for how far the engine is behind.
        profiles: holds the engine's counts.
        collector: this process's collector.
        hub: this process's streams of interventions.
    """

    def __init__(self, log: EventLog, profiles: ProfileReader, collector: Collector, hub: Hub) -> None:
        self._log, self._profiles, self._collector, self._hub = log, profiles, collector, hub
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def statistics(self) -> Statistics:
        """The engine's counts as of its last commit."""
        return Statistics.decode(self._profiles.statistics())

    def lag(self) -> int:
        """How many records of the log the profiles do not include yet."""
        return max(self._log.head() - self._profiles.position(), 0)

    def collect(self) -> Iterator[Metric]:
        """Called by the Prometheus client."""
        statistics = self.statistics()
        for name, text, value in (
            ("payloads", "Tracker requests read from the event log", statistics.payloads),
            ("events", "Events applied to the profiles", statistics.events),
            ("repeated_events", "Events that had been applied before, and did not count again", statistics.repeated),
            ("swept_profiles", "Profiles dropped because their every value had expired", statistics.swept),
            ("unreadable_lines", "Imported lines that were no JSON object", statistics.unreadable),
            ("refused_keys", "Updates lost to key values over 512 bytes", statistics.refused_keys),
            (
                "event_errors",
                "Events counted only in part, because of an error in Snowmelt",
                statistics.errors,
            ),
        ):
            yield CounterMetricFamily(f"snowmelt_engine_{name}", text, value=value)
        yield CounterMetricFamily(
            "snowmelt_streams_events",
            "Interventions sent to subscribers of this web process",
            value=self._hub.delivered,
        )
        yield CounterMetricFamily(
            "snowmelt_streams_cut", "Subscribers of this web process cut off for taking nothing", value=self._hub.cut
        )
        failed = CounterMetricFamily("snowmelt_failed_events", "Failed events", labels=["category"])
        for category, count in sorted(statistics.failed.items()):
            failed.add_metric([category], count)
        yield failed
        yield from source_metrics(self._log)
        yield from output_metrics(self._log)
        rejected = CounterMetricFamily(
            "snowmelt_rejected_values",
            "Values that could not serve an attribute",
            labels=["state_id", "slot"],
        )
        for place, count in sorted(statistics.rejected.items()):
            rejected.add_metric(place.split(":"), count)
        yield rejected
        requests = CounterMetricFamily(
            "snowmelt_collector_requests", "Tracker requests of this web process", labels=["outcome"]
        )
        requests.add_metric(["accepted"], self._collector.accepted)
        requests.add_metric(["refused"], self._collector.refused)
        yield requests
        for name, text, number in (
            ("log_head", "Place of the last record in the event log", self._log.head()),
            (
                "engine_position",
                "Place in the event log that the profiles include",
                self._profiles.position(),
            ),
            ("streams_open", "Open streams of interventions of this web process", len(self._hub)),
            ("engine_revision", "Revision of the definitions that the engine runs", statistics.revision),
            ("engine_remembered_events", "Ids of events that would be recognised", statistics.seen),
            (
                "engine_remembered_since_seconds",
                "Since when ids of events are remembered",
                statistics.seen_since / 1000,
            ),
            ("engine_commit_time_seconds", "When the engine last committed", statistics.updated / 1000),
        ):
            yield GaugeMetricFamily(f"snowmelt_{name}", text, value=number)
