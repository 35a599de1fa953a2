"""What `/metrics` shows of sources and outputs."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from snowmelt.connectors.kafka_positions import Place, Positions, Progress
from snowmelt.connectors.output_progress import OutputProgress, load, save
from snowmelt.runtimes.connector_metrics import output_metrics, source_metrics
from snowmelt.stores.event_log import EventLog, Kind


class Both:
    def __init__(self, log: EventLog) -> None:
        self._log = log

    def collect(self):  # type: ignore[no-untyped-def]
        yield from source_metrics(self._log)
        yield from output_metrics(self._log)


def test_each_partition_and_each_output(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "log")
    positions = Positions(log, "main")
    places = [Place("c", "g", "t", number) for number in range(2)]
    positions.set([Progress("main", places[0], 9, 7, 1, 2, 5, True), Progress("main", places[1], 4, 4, 0, 0, 3, False)])
    noted = load(log, "lake")
    log.append([(Kind.EVENTS, 0, b"")] * 8)
    save(log, OutputProgress("lake", 6, 50, 3, 2), noted)
    registry = CollectorRegistry()
    registry.register(Both(log))  # type: ignore[arg-type]
    shown = {line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")}
    first, second = (f'{{partition="{number}",source="main",topic="t"}}' for number in range(2))
    assert shown == {
        f"snowmelt_source_messages_total{first} 7.0",
        f"snowmelt_source_unreadable_total{first} 1.0",
        f"snowmelt_source_skipped_total{first} 2.0",
        f"snowmelt_source_assigned{first} 1.0",
        f"snowmelt_source_lag{first} 5.0",
        f"snowmelt_source_messages_total{second} 4.0",
        f"snowmelt_source_unreadable_total{second} 0.0",
        f"snowmelt_source_skipped_total{second} 0.0",
        # Whoever reads it knows how many messages wait.
        f"snowmelt_source_assigned{second} 0.0",
        'snowmelt_output_events_total{output="lake"} 50.0',
        'snowmelt_output_failed_total{output="lake"} 3.0',
        'snowmelt_output_missed_total{output="lake"} 2.0',
        'snowmelt_output_lag{output="lake"} 2.0',
    }
    log.close()
