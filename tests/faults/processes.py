"""What the processes of a server take of the machine, by ``/proc``."""

import re
from pathlib import Path
from typing import NamedTuple

MB = 1024**2
_SIZES = re.compile(r"^(RssAnon|VmRSS|Threads):\s+(\d+)", re.MULTILINE)
_MODULE = re.compile(rb"snowmelt\.runtimes\.(\w+)")


class Usage(NamedTuple):
    """What one process has.

    Args:
        own: bytes of memory that is its own, and that only swapping could take from it.
        resident: bytes with the mapped pages of the stores, which the system takes back when it needs them.
        threads: how many.
        files: open descriptors.
    """

    own: int
    resident: int
    threads: int
    files: int


def usage(pid: int) -> Usage:
    """What a process has now."""
    found = {name: int(number) for name, number in _SIZES.findall(Path(f"/proc/{pid}/status").read_text())}
    files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return Usage(found["RssAnon"] * 1024, found["VmRSS"] * 1024, found["Threads"], files)


def usages(pids: list[int]) -> dict[str, Usage]:
    """What each process of a server has, by what it does; of several that do the same, the sums."""
    found: dict[str, Usage] = {}
    for pid in pids:
        try:
            module = _MODULE.search(Path(f"/proc/{pid}/cmdline").read_bytes())
            has = usage(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        name = module[1].decode().removesuffix("_process") if module else "supervisor"
        before = found.get(name, Usage(0, 0, 0, 0))
        found[name] = Usage(*(one + other for one, other in zip(before, has, strict=True)))
    return found
