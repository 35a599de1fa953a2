"""The process of one enrichment of the operator's own: events in, events or reasons out."""

import pickle
import socket
import sys
from contextlib import suppress
from importlib.metadata import entry_points
from typing import Any

from snowmelt.enrichment.steps.step import EnrichmentFailure
from snowmelt.runtimes.custom_enrichment import GROUP, die_with_parent
from snowmelt.runtimes.frames import receive_frame, send_frame


def serve(connection: socket.socket) -> None:
    """Start the enrichment that the engine names, and work until the engine is gone."""
    name, options = pickle.loads(receive_frame(connection))
    try:
        [entry_point] = entry_points(group=GROUP, name=name)
        enrichment = entry_point.load()(options)
    except Exception as error:
        send_frame(connection, f"{type(error).__name__}: {error}".encode())
        return
    send_frame(connection, b"")
    while True:
        event, raw = pickle.loads(receive_frame(connection))
        answer: tuple[str, Any]
        try:
            enrichment.apply(event, raw)
            answer = ("enriched", event)
        except EnrichmentFailure as failure:
            answer = ("failed", failure.message)
        except Exception as error:
            answer = ("failed", f"{type(error).__name__}: {error}")
        try:
            data = pickle.dumps(answer)
        except Exception as error:
            data = pickle.dumps(("failed", f"left what is no event: {error}"))
        send_frame(connection, data)


def main() -> None:
    """Serve on the socket whose descriptor is the first argument."""
    die_with_parent()
    with suppress(EOFError, OSError):  # the engine is gone
        serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
