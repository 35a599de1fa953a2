"""How long things take to start, and how much memory they hold then."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.row import Row
from snowmelt.testing import Server

RUNS = 5


def run(folder: Path) -> list[Row]:
    """All rows, with servers in a folder."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    seconds_of("import snowmelt.cli.serve, snowmelt.runtimes.web, snowmelt.runtimes.engine_process")
    bare = seconds_of("pass")
    client = seconds_of("import snowmelt")
    used = seconds_of("from snowmelt import SignalsSandbox, StreamAttributeGroup")
    starts, memory = [], []
    for number in range(RUNS):
        started = time.perf_counter()
        with Server(folder / f"start-{number}") as server:
            starts.append(time.perf_counter() - started)
            time.sleep(2)  # what is prepared in the background belongs to the idle size
            memory.append(resident(server.process.pid))
    return [
        Row("python -c pass", f"{bare:.2f} s"),
        Row("import snowmelt", f"{client:.2f} s", ratio=f"{client / bare:.1f} x Python alone", budget="< 0.5 s"),
        Row("the same, and using the client's classes", f"{used:.2f} s", ratio=f"{used / bare:.1f} x Python alone"),
        Row(
            "start to ready",
            f"{statistics.median(starts):.2f} s",
            f"{min(starts):.2f} - {max(starts):.2f}",
            budget="<= 2 s",
        ),
        Row(
            "memory of an idle server, three processes",
            f"{statistics.median(memory):.0f} MB",
            f"{min(memory):.0f} - {max(memory):.0f}",
            budget="<= 250 MB",
        ),
    ]


def seconds_of(code: str) -> float:
    """Median time of a Python process that runs some code."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def resident(pid: int) -> float:
    """Memory that a process and its children do not share with others, in MB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0
    for each in (pid, *map(int, children)):
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024
