"""Files of a stopped server are cut off, overwritten or removed: it mends them, or says exactly what to do."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import Server
from fault_figures import IS_LONG, tell
from process_shop import Shop, shop_event

pytestmark = pytest.mark.process

PAGE = 4096
USERS = [f"u{number}" for number in range(20)]
Harm = Callable[[Path], object]


def cut(name: str, share: float) -> Harm:
    """Cut a file off."""

    def harm(folder: Path) -> None:
        size = (folder / name).stat().st_size
        os.truncate(folder / name, int(size * share) // PAGE * PAGE)

    return harm


def overwrite(name: str, fill: Callable[[int], bytes], start: float = 0.0, end: float = 1.0) -> Harm:
    """Overwrite a part of a file."""

    def harm(folder: Path) -> None:
        size = (folder / name).stat().st_size
        first, last = (int(size * share) // PAGE * PAGE for share in (start, end))
        with (folder / name).open("r+b") as file:
            file.seek(first)
            file.write(fill(last - first))

    return harm


def remove(*names: str) -> Harm:
    def harm(folder: Path) -> None:
        for name in names:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    return harm


def as_advised_without_a_log(folder: Path) -> None:
    kept = {"registry.sqlite", "webhooks.sqlite", "sandbox.token", "signing.secret", "iglu"}
    remove(*(path.name for path in folder.iterdir() if path.name not in kept))(folder)


def all_but_the_log(folder: Path) -> None:
    remove(*(path.name for path in folder.iterdir() if path.name != "log"))(folder)


zeros: Callable[[int], bytes] = bytes
garbage = random.Random(11).randbytes
LOG, PROFILES, OUTBOX = "log/data.mdb", "profiles/data.mdb", "outbox/data.mdb"
BEGINS_ANEW = "all moved away but the definitions"
NEW_START = "leave only registry.sqlite, webhooks.sqlite, sandbox.token, signing.secret and iglu in"

REFUSED: dict[str, tuple[Harm, str]] = {
    "registry gone": (remove("registry.sqlite"), "registry.sqlite is gone"),
    "log cut off": (cut(LOG, 0.5), NEW_START),
    "log emptied": (cut(LOG, 0), NEW_START),
    "log gone": (remove("log"), NEW_START),
    "log's end garbage": (overwrite(LOG, garbage, 0.9), NEW_START),
    "log's beginning zeros": (overwrite(LOG, zeros, 0, 0.1), NEW_START),
    "outbox garbage": (overwrite(OUTBOX, garbage), "outbox away and start it again"),
    "registry emptied": (cut("registry.sqlite", 0), "is at revision"),
    "registry cut off": (cut("registry.sqlite", 0.5), "Restore it from a backup"),
    "registry garbage": (overwrite("registry.sqlite", garbage), "Restore it from a backup"),
    "failed events garbage": (overwrite("failed.sqlite", garbage), "failed.sqlite from a backup or move it away"),
    "only the log is left": (all_but_the_log, "registry.sqlite is gone"),
}
"""What cannot be mended, and a part of what is said."""

MENDED: dict[str, Harm] = {
    "profiles cut off": cut(PROFILES, 0.5),
    "profiles garbage": overwrite(PROFILES, garbage, 0.05),
    "profiles no store": overwrite(PROFILES, garbage),
    "profiles emptied": cut(PROFILES, 0),
    "profiles gone": remove("profiles"),
    "profiles and outbox gone": remove("profiles", "outbox"),
    "locks, bell and mailboxes gone": remove("engine.lock", "server.lock", "engine.bell", "mailboxes"),
    "failed events gone": remove("failed.sqlite"),
    "secrets gone": remove("sandbox.token", "signing.secret"),
    BEGINS_ANEW: as_advised_without_a_log,
}
"""What is made again from the rest."""

if not IS_LONG:
    REFUSED = dict(list(REFUSED.items())[:2])
    MENDED = dict(list(MENDED.items())[:1])


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a server that has counted ten carts of each user."""
    server = Server(tmp_path_factory.mktemp("stopped") / "data")
    shop = Shop(server.url, server.token)
    shop.publish()
    for _ in range(10):
        shop.track([shop_event(user, "add_to_cart", 0.5) for user in USERS])
    server.flush(30)
    shop.http.close()
    assert server.stop() == 0
    server.close()
    return server.data_dir


@pytest.fixture
def folder(stopped: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "data"
    shutil.copytree(stopped, copy, ignore=shutil.ignore_patterns("*.bell", "mailboxes"))
    yield copy
    tell("damaged folders", tried=1)


def serve(folder: Path) -> tuple[int, str]:
    """Exit status and standard error of a server that is not expected to come up."""
    command = [sys.executable, "-m", "snowmelt", "serve", "--port", "0", "--data-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder.parent)
    return done.returncode, done.stderr


def counts_on(folder: Path, before: int) -> None:
    """A server on the folder reads what was counted, and counts what comes."""
    server = Server(folder)
    shop = Shop(server.url, server.token)
    try:
        server.flush(30)
        known = (None, before, before / 2) if before else (None, None, None)
        assert shop.read(USERS) == [known] * len(USERS)
        shop.track([shop_event(user, "add_to_cart", 0.5) for user in USERS])
        server.flush(30)
        assert shop.read(USERS) == [(None, before + 1, (before + 1) / 2)] * len(USERS)
    finally:
        shop.http.close()
        server.close()
    tell("damaged folders", values_compared=4 * len(USERS), differences=0)


@pytest.mark.parametrize("name", REFUSED)
def test_it_says_what_to_do(folder: Path, name: str) -> None:
    harm, said = REFUSED[name]
    harm(folder)
    status, errors = serve(folder)
    told = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert status == 1 and len(told) == 1, errors
    assert said in told[0] and str(folder) in told[0]
    assert "Traceback" not in errors
    tell("damaged folders", refused_with_advice=1)


@pytest.mark.parametrize("name", MENDED)
def test_it_is_mended(folder: Path, name: str) -> None:
    MENDED[name](folder)
    counts_on(folder, before=0 if name == BEGINS_ANEW else 10)
    tell("damaged folders", mended=1)


def test_doctor_names_a_store_that_is_damaged_in_the_middle(folder: Path) -> None:
    overwrite(LOG, garbage, 0.5, 0.6)(folder)
    command = [sys.executable, "-m", "snowmelt", "doctor", "--data-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "✗ the event log is damaged" in done.stdout and NEW_START in done.stdout
    assert "✓ the profile store is whole" in done.stdout
