"""The process of one output: writes enriched and failed events from the event log to elsewhere."""

import select
import signal
import sys
from types import FrameType

from snowmelt.connectors.engine_verdicts import EngineVerdicts
from snowmelt.connectors.file_sink import FileSink
from snowmelt.connectors.kafka_sink import KafkaSink
from snowmelt.connectors.output_lines import Lines
from snowmelt.connectors.output_writer import OutputWriter
from snowmelt.connectors.sink import OpenFiles, Sink
from snowmelt.runtimes.child import STDIN, report_ready, run_child
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.enricher import enricher_of, gate_of
from snowmelt.settings import Settings
from snowmelt.settings_connectors import FilesOutput, KafkaOutput
from snowmelt.stores.event_log import EventLog
from snowmelt.stores.failed_events import FailedEvents


def make_sink(output: FilesOutput | KafkaOutput, files: OpenFiles) -> Sink:
    """Where an output of the settings goes."""
    return FileSink(output, files) if isinstance(output, FilesOutput) else KafkaSink(output)


def run_output(settings: Settings) -> None:
    """Write the output whose name is the first argument until told to stop, or until the supervisor is gone."""
    name = sys.argv[1]
    [output] = [output for output in settings.outputs if output.name == name]
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    data = DataDir(settings.data_dir)
    log = EventLog(data.log, settings.log.map_size)
    failed = FailedEvents(data.failed_events)
    key = output.key if isinstance(output, KafkaOutput) else None
    enricher = enricher_of(settings, gate_of(settings, holds=True))
    lines = Lines(output.format, enricher, EngineVerdicts(failed), key)
    if isinstance(output, KafkaOutput):
        KafkaSink(output).close()  # settings that its library does not take are told before the server is ready
    report_ready()
    writer = OutputWriter(name, log, lines, lambda files: make_sink(output, files))
    writer.run(lambda: stopping or bool(select.select([STDIN], [], [], 0)[0]))
    failed.close()
    log.close()


if __name__ == "__main__":
    run_child(run_output)
