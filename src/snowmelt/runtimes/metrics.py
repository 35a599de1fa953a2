"""What `/metrics` shows."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from snowmelt.api.hub import Hub
from snowmelt.collector.app import Collector
from snowmelt.runtimes.connector_metrics import output_metrics, source_metrics
from snowmelt.runtimes.state_names import StateName, state_names
from snowmelt.runtimes.statistics import Statistics
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.profiles import ProfileReader
from snowmelt.stores.webhooks import EndpointCounts


class ServerMetrics:
    """Reads the counts of the engine and the collector when they are asked for; nothing is paid per event.

    Args:
        log: for how far the engine is behind.
        profiles: holds the engine's counts.
        collector: this process's collector.
        hub: this process's streams of interventions.
        sizes: the bytes that each store has on the disk, by name.
        webhooks: what has become of the deliveries to each endpoint.
        now_ms: ms since the epoch.
    """

    def __init__(
        self,
        log: EventLog,
        profiles: ProfileReader,
        collector: Collector,
        hub: Hub,
        sizes: Callable[[], Mapping[str, int]],
        webhooks: Callable[[], Iterable[EndpointCounts]] = tuple,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._log, self._profiles, self._collector, self._hub = log, profiles, collector, hub
        self._sizes, self._webhooks, self._now_ms = sizes, webhooks, now_ms
        self._names: tuple[int, dict[int, StateName]] = (-1, {})
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

    def lag_seconds(self) -> float:
        """How long ago the oldest record was made that the profiles do not include yet; 0 if they include all."""
        waiting = self._log.read(self._profiles.position(), 1)
        return max(self._now_ms() - waiting[0].time, 0) / 1000 if waiting else 0.0

    def names(self, revision: int) -> dict[int, StateName]:
        """What the state ids stand for that are counted by."""
        if self._names[0] != revision:
            self._names = revision, state_names(self._profiles.definitions())
        return self._names[1]

    def collect(self) -> Iterator[Metric]:
        """Called by the Prometheus client."""
        statistics = self.statistics()
        yield from self._counts(statistics)
        yield from self._of_groups(statistics)
        yield from self._of_webhooks()
        yield from self._gauges(statistics)

    def _counts(self, statistics: Statistics) -> Iterator[Metric]:
        for name, text, value in (
            ("payloads", "Tracker requests read from the event log", statistics.payloads),
            ("events", "Events applied to the profiles", statistics.events),
            ("repeated_events", "Events that had been applied before, and did not count again", statistics.repeated),
            ("swept_profiles", "Profiles dropped because their every value had expired", statistics.swept),
            ("unreadable_lines", "Imported lines that were no JSON object", statistics.unreadable),
            ("commits", "Transactions of events", statistics.commits),
            ("commit_seconds", "Time that transactions of events took together", statistics.commit_ms / 1000),
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
        yield from _by("snowmelt_replayed_events", "Failed events that were tried again", "outcome", statistics.replays)
        yield from _by(
            "snowmelt_unresolved_schemas",
            "Self-describing events and entities whose schema was not to be had",
            "reason",
            statistics.unresolved,
        )
        lookups = CounterMetricFamily(
            "snowmelt_schema_lookups", "Schemas that registries were asked for", labels=["registry", "answer"]
        )
        for place, count in sorted(statistics.schema_lookups.items()):
            lookups.add_metric(place.rsplit(":", 1), count)
        yield lookups
        requests = CounterMetricFamily(
            "snowmelt_collector_requests", "Tracker requests of this web process", labels=["outcome"]
        )
        requests.add_metric(["accepted"], self._collector.accepted)
        requests.add_metric(["refused"], self._collector.refused)
        requests.add_metric(["untracked"], self._collector.untracked)
        yield requests

    def _of_groups(self, statistics: Statistics) -> Iterator[Metric]:
        names = self.names(statistics.revision)
        updated = GaugeMetricFamily(
            "snowmelt_group_updated_time_seconds",
            "When an event last updated a profile of a published group or event log; 0 is never",
            labels=["group", "version"],
        )
        for state_id, name in sorted(names.items()):
            updated.add_metric([name.name, name.version], statistics.updates.get(str(state_id), 0) / 1000)
        yield updated
        fired = CounterMetricFamily(
            "snowmelt_interventions_fired", "Interventions that have fired", labels=["intervention"]
        )
        for title, count in sorted(statistics.fired.items()):
            fired.add_metric([title], count)
        yield fired
        rejected = CounterMetricFamily(
            "snowmelt_rejected_values",
            "Values that could not serve an attribute",
            labels=["group", "version", "attribute"],
        )
        for place, count in sorted(statistics.rejected.items()):
            state_id, slot = map(int, place.split(":"))
            if state_id in names:
                name = names[state_id]
                rejected.add_metric([name.name, name.version, name.attribute(slot)], count)
        yield rejected

    def _of_webhooks(self) -> Iterator[Metric]:
        counters = [
            CounterMetricFamily(f"snowmelt_webhook_{name}", text, labels=["endpoint"])
            for name, text in (
                ("delivered", "Messages that an endpoint took"),
                ("retried", "Attempts that failed and are made again"),
                ("dead", "Messages given up"),
            )
        ]
        gauges = [
            GaugeMetricFamily(f"snowmelt_webhook_{name}", text, labels=["endpoint"])
            for name, text in (
                ("waiting", "Messages that wait for an endpoint"),
                ("oldest_seconds", "Age of the oldest of them; 0 if none waits"),
            )
        ]
        for one in self._webhooks():
            age = max(self._now_ms() - one.oldest, 0) / 1000 if one.oldest else 0.0
            for counter, count in zip(counters, (one.delivered, one.retried, one.dead), strict=True):
                counter.add_metric([one.name], count)
            for gauge, value in zip(gauges, (one.waiting, age), strict=True):
                gauge.add_metric([one.name], value)
        yield from counters
        yield from gauges

    def _gauges(self, statistics: Statistics) -> Iterator[Metric]:
        sizes = GaugeMetricFamily("snowmelt_store_bytes", "Room that a store has on the disk", labels=["store"])
        for store, size in sorted(self._sizes().items()):
            sizes.add_metric([store], size)
        yield sizes
        if (backlog := self._collector.backlog) is not None:
            for name, text, value in (
                ("engine_lag_bytes", "What trackers sent and the profiles do not include", backlog.waiting_bytes),
                ("disk_free_bytes", "Free room on the disk of the event log", backlog.free_bytes),
                (
                    "collector_refusing",
                    "1 while this web process refuses tracker requests: engine too far behind, or disk nearly full",
                    int(backlog.refusal is not None),
                ),
            ):
                yield GaugeMetricFamily(f"snowmelt_{name}", text, value=value)
        for name, text, number in (
            ("log_head", "Place of the last record in the event log", self._log.head()),
            (
                "engine_position",
                "Place in the event log that the profiles include",
                self._profiles.position(),
            ),
            (
                "engine_lag_seconds",
                "Age of the oldest record of the log that the profiles do not include; 0 if there is none",
                self.lag_seconds(),
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
            (
                "engine_held_since_seconds",
                "Since when events wait for a registry of schemas that does not answer; 0 if they do not",
                statistics.held_since / 1000,
            ),
        ):
            yield GaugeMetricFamily(f"snowmelt_{name}", text, value=number)


def _by(name: str, text: str, label: str, counts: Mapping[str, int]) -> Iterator[Metric]:
    family = CounterMetricFamily(name, text, labels=[label])
    for word, count in sorted(counts.items()):
        family.add_metric([word], count)
    yield family
