"""What ``snowmelt doctor`` looks at: each check answers whether something is as it should be."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from snowmelt.printable import printable

if TYPE_CHECKING:
    from snowmelt.runtimes.data_dir import DataDir
    from snowmelt.settings import Settings

LEAST_FREE = 1024**3
SLOW_SYNC_MS = 20.0
SYNCS = 20
LEAST_FILES = 4096
DEPENDENCIES = ("httpx", "lmdb", "msgspec", "pydantic", "sqlalchemy", "uvicorn", "uvloop")
NETWORK_FILESYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs", "afs"}
YEAR_2025, YEAR_2100 = 1_735_689_600, 4_102_444_800


class Result(NamedTuple):
    """What a check found.

    Args:
        ok: whether it is as it should be.
        what: what was looked at, and what was found.
        advice: what to do about it, if it is not.
        neutral: there is nothing to judge.
    """

    ok: bool
    what: str
    advice: str = ""
    neutral: bool = False


def check_machine() -> Iterator[Result]:
    """The interpreter, the installed packages, the limits and the clock."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Result(sys.version_info >= (3, 11), f"Python {version}", "install Python 3.11 or newer")
    for name in DEPENDENCIES:
        try:
            yield Result(True, f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            yield Result(False, f"{name} is not installed", "pip install 'snowmelt[server]'")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    limited = files != resource.RLIM_INFINITY and files < LEAST_FILES
    shown = "unlimited" if files == resource.RLIM_INFINITY else f"{files:,}"
    yield Result(not limited, f"open files: {shown}", f"raise it for many connections: ulimit -n {LEAST_FILES * 16}")
    now = time.time()
    yield Result(
        YEAR_2025 < now < YEAR_2100,
        f"clock: {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(now))} UTC",
        "set the clock: windows and ttls are judged by it",
    )


def check_disk(data: DataDir) -> Iterator[Result]:
    """Room, kind and speed of the disk under the data folder."""
    yield Result(True, f"data folder {data.path} is writable")
    mode = data.path.stat().st_mode & 0o777
    yield Result(
        mode & 0o077 == 0,
        f"data folder has mode {mode:o}",
        f"others of this machine can look into it, and it holds secrets: chmod 700 {data.path}",
    )
    free = shutil.disk_usage(data.path).free
    yield Result(free >= LEAST_FREE, f"free space: {free / 1024**3:,.1f} GB", "free some, or move the data folder")
    kind = filesystem_of(data.path)
    yield Result(
        kind not in NETWORK_FILESYSTEMS,
        f"filesystem: {kind}",
        "move the data folder to a local disk: memory-mapped files are not safe on a network",
    )
    latency = sync_milliseconds(data.path)
    yield Result(
        latency < SLOW_SYNC_MS,
        f"a synced write takes {latency:.2f} ms (median of {SYNCS})",
        "every acknowledgement waits for one: use a faster disk",
    )


def check_stores(data: DataDir, settings: Settings) -> Iterator[Result]:
    """Whether the stores can be read, how far the engine is, and what failed."""
    from snowmelt.errors import SnowmeltError
    from snowmelt.stores.damage import damage_of, remedy
    from snowmelt.stores.event_log import EventLog
    from snowmelt.stores.failed_events import FailedEvents
    from snowmelt.stores.profiles import ProfileReader

    if not (data.profiles / "data.mdb").exists():
        yield Result(True, "no server has run on this data folder yet", neutral=True)
        return
    stores = {"event log": data.log, "profile store": data.profiles, "outbox": data.outbox}
    damages = damage_of(list(stores.values()), thorough=True)
    for what, path in stores.items():
        found = damages.get(path)
        yield Result(not found, f"the {what} is {f'damaged ({found})' if found else 'whole'}", remedy(what, path))
    if damages:
        return
    try:
        with closing(ProfileReader(data.profiles, settings.engine.map_size)) as profiles:
            position = profiles.position()
        yield Result(True, f"profiles can be read, at position {position:,}")
        with closing(EventLog(data.log, settings.log.map_size)) as log:
            head = log.head()
        behind = max(head - position, 0)
        running = _held(data.engine_lock)
        yield Result(
            behind == 0 or running,
            f"the engine is {behind:,} records behind the event log",
            "they are applied once a server runs: snowmelt serve",
        )
        with closing(FailedEvents(data.failed_events)) as failed:
            counts = failed.counts()
        listed = ", ".join(f"{count:,} {category}" for category, count in sorted(counts.items())) or "none"
        yield Result(True, f"failed events: {listed}")
    except SnowmeltError as error:
        yield Result(False, "a store cannot be read", str(error))


def check_server(data: DataDir) -> Iterator[Result]:
    """Whether a server runs here, and answers."""
    import httpx

    try:
        url = data.address.read_text().strip()
    except FileNotFoundError:
        held = _held(data.server_lock)
        found = "a server is starting or stopping" if held else "no server runs on this data folder"
        yield Result(True, found, neutral=True)
        return
    advice = f"look at what it logs; if none runs, remove {data.address}"
    try:
        # Whoever listens there is asked nothing but this and told nothing; its certificate is for another name.
        answer = httpx.get(f"{url}/ready", timeout=5, verify=False)
    except httpx.HTTPError as error:
        yield Result(False, f"the server at {url} does not answer: {error}", advice)
    else:
        ready = answer.status_code == 200
        why = "" if ready else f" ({printable(answer.text[:500]).replace(chr(10), '; ')})"
        yield Result(ready, f"the server at {url} answers {answer.status_code} to /ready{why}", advice)


def run_all(data: DataDir, settings: Settings) -> Iterator[Result]:
    """Every check, in reading order."""
    checks: list[Callable[[], Iterator[Result]]] = [
        check_machine,
        lambda: check_disk(data),
        lambda: check_server(data),
        lambda: check_stores(data, settings),
    ]
    for check in checks:
        yield from check()


def sync_milliseconds(folder: Path, count: int = SYNCS) -> float:
    """The median time of a 4 KB write that is synced to the disk under a folder, in ms."""
    path = folder / f".sync-test-{os.getpid()}"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    times = []
    try:
        for _ in range(count):
            started = time.perf_counter()
            os.pwrite(fd, b"\0" * 4096, 0)
            os.fsync(fd)
            times.append(time.perf_counter() - started)
    finally:
        os.close(fd)
        path.unlink()
    return statistics.median(times) * 1000


def filesystem_of(path: Path) -> str:
    """The kind of filesystem under a path, ``unknown`` where the system does not tell."""
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return "unknown"
    found, longest = "unknown", -1
    for line in lines:
        _, mount, kind, *_ = line.split(" ")
        mount = mount.replace("\\040", " ")
        if Path(path).is_relative_to(mount) and len(mount) >= longest:
            found, longest = kind, len(mount)
    return found


def _held(lock: Path) -> bool:
    from snowmelt.runtimes.process_lock import ProcessLock

    return lock.exists() and ProcessLock(lock, "process").held()
