"""The results of every call with every client: a file beside the tests, which the documents show.

A run must give what the file holds. After a change, ``RECORD=1`` in the environment writes the file anew; then
``make docs``.
"""

import json
import os
from pathlib import Path

PATH = Path(__file__).with_name("results.json")
CLIENTS = ("vendor", "snowmelt", "compat", "node")
Results = dict[str, dict[str, str]]


def recorded(client: str) -> dict[str, str]:
    """What each call of a client came to when it was last recorded."""
    return {call: by_client[client] for call, by_client in _read().items() if client in by_client}


def same_as_recorded(client: str, results: dict[str, str]) -> bool:
    """Whether a run gave what is recorded; with ``RECORD`` set it is recorded instead."""
    if not os.environ.get("RECORD"):
        return results == recorded(client)
    kept = {call: {name: by[name] for name in by if name != client} for call, by in _read().items()}
    merged = {call: {**kept.pop(call, {}), client: result} for call, result in results.items()} | kept
    # The clients for Python have their calls in common; each of the others has a block of its own.
    blocks = sorted((call for call, by in merged.items() if by), key=lambda call: set(merged[call]) == {"node"})
    ordered = {call: {name: merged[call][name] for name in CLIENTS if name in merged[call]} for call in blocks}
    PATH.write_text(json.dumps(ordered, indent=1) + "\n")
    return True


def _read() -> Results:
    return json.loads(PATH.read_text()) if PATH.exists() else {}
