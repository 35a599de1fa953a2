"""Run the benchmarks and print their table: `python -m bench [engine] [server] [start] ... [--write]`."""

import argparse
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import engine, firing, memory, reads, reads_http, rivals, server, sizing, start, streams, timers
from bench.row import Row
from snowmelt.runtimes.logs import configure_logs

BENCHES: dict[str, Callable[[Path], list[Row]]] = {
    "engine": engine.run,
    "firing": firing.run,
    "rivals": rivals.run,
    "reads": reads.run,
    "memory": memory.run,
    "server": server.run,
    "sizing": sizing.run,
    "reads-http": reads_http.run,
    "streams": streams.run,
    "timers": timers.run,
    "start": start.run,
}
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def machine() -> str:
    """What the figures were measured on."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"model name\s*: (.+)", cpuinfo.read_text())
        model = found[1] if found else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GB, Python {platform.python_version()}, {platform.system()}"


def table(rows: list[Row]) -> str:
    """A Markdown table."""
    lines = ["| what | median | least - greatest | beside it | budget |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def main() -> None:
    """Run the benchmarks that were asked for, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHES)}; all if none")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    for name in arguments.names or BENCHES:
        if name not in BENCHES:
            parser.error(f"there is no benchmark `{name}`: choose from {', '.join(BENCHES)}")
        started = time.monotonic()
        configure_logs("warning")
        with tempfile.TemporaryDirectory(prefix="snowmelt-bench-") as folder:
            rows = BENCHES[name](Path(folder))
        taken = time.monotonic() - started
        text = f"{datetime.now(UTC):%Y-%m-%d}, {machine()}.\n\n{table(rows)}"
        print(f"\n{name} ({taken:.0f} s): {text}", flush=True)
        if arguments.write:
            page = PAGE.read_text()
            block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
            start_mark, end_mark = f"<!-- {name} -->\n", f"<!-- /{name} -->"
            PAGE.write_text(block.sub(lambda _, new=f"{start_mark}{text}\n{end_mark}": new, page))


if __name__ == "__main__":
    main()
