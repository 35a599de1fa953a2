"""Snowmelt beside Bytewax and Quix Streams: the tutorial's three attributes over the same file of events.

Each runs in one process, one after the other, several times round. The others' programs are in
`bench/rival_engines/`; they live in an environment of their own, and each checks its totals.
"""

import gc
import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

from bench.engine import hand_written, through_engine
from bench.row import Row, rate_row, spread
from snowmelt.compute.reader import GroupReader
from snowmelt.demo.tutorial import tutorial_group
from snowmelt.demo.workload import shop_lines
from snowmelt.stores.profiles import ProfileReader

EVENTS, USERS, RUNS = 200_000, 50_000, 3
ROOT = Path(__file__).parent.parent
PROGRAMS = Path(__file__).parent / "rival_engines"
RIVALS: dict[str, tuple[str, ...]] = {
    "Bytewax, stateful_batch, state in memory only": ("on_bytewax.py",),
    "Bytewax, the same with its recovery store": ("on_bytewax.py", "recovery"),
    "Quix Streams without Kafka, RocksDB, a checkpoint every 5 s": ("on_quix.py",),
    "Quix Streams without Kafka, RocksDB, a checkpoint every 20,000 events": ("on_quix.py", "20000"),
}
if sys.version_info >= (3, 13):  # no wheels of Bytewax, see requirements/rivals.in
    RIVALS = {name: command for name, command in RIVALS.items() if "on_bytewax.py" not in command}


def run(folder: Path) -> list[Row]:
    """All rows, from a folder for the events and the stores."""
    lines = shop_lines(EVENTS, USERS)
    events = folder / "events.json"
    events.write_bytes(b"\n".join(lines))
    python = interpreter("rivals")
    own: list[float] = []
    others: dict[str, list[float]] = {name: [] for name in RIVALS}
    for number in range(RUNS):
        own.append(snowmelt(folder, lines))
        for name, (program, *arguments) in RIVALS.items():
            place = folder / f"{number}-{program}-{'-'.join(arguments)}"
            place.mkdir()
            others[name].append(rival(python, program, events, place, *arguments))
    best = max(map(statistics.median, others.values()))
    return [
        rate_row(
            "Snowmelt, event log to committed profiles",
            spread(own),
            "events",
            f"{statistics.median(own) / best:.1f} x the best of these",
            ">= 300,000 events/s or >= 3 x the best of these",
        ),
        *(
            rate_row(
                name, spread(rates), "events", f"Snowmelt is {statistics.median(own) / statistics.median(rates):.1f} x"
            )
            for name, rates in others.items()
        ),
    ]


def snowmelt(folder: Path, lines: list[bytes]) -> float:
    """Events a second of the engine; its totals are compared with a plain count."""
    gc.disable()  # as in the engine's process
    try:
        return through_engine(folder, lines, [tutorial_group()], check=lambda stored: check(stored, lines))
    finally:
        gc.enable()


def check(stored: ProfileReader, lines: list[bytes]) -> None:
    """Compare every user's values with a plain count."""
    expected = hand_written(lines)
    reader = GroupReader(tutorial_group())
    for user, profile in zip(expected, stored.get([(1, user.encode()) for user in expected]), strict=True):
        values = [value or 0 for value in reader.read(profile, now=0)]
        assert all(map(math.isclose, values, expected[user])), (user, values, expected[user])


def rival(python: str, program: str, events: Path, place: Path, *arguments: str) -> float:
    """Events a second of another library's program."""
    command = [python, "-W", "ignore", str(PROGRAMS / program), str(events), str(place), *arguments]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert outcome.returncode == 0, f"{' '.join(command)}\n{outcome.stdout}{outcome.stderr}"
    return float(json.loads(outcome.stdout)["rate"])


def interpreter(name: str) -> str:
    """The interpreter of the environment of ``requirements/{name}.txt``, made if it is not there yet."""
    command = [ROOT / "scripts" / "rivals-env", name]
    outcome = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHON": sys.executable})
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.strip()
