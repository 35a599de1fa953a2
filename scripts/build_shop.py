"""Builds the shop's page for ``snowmelt demo`` into .build/shop, if it is not there as its sources are now.

Needs Node and npm. If they are missing, or the build fails, there is no page, a line says why, and the exit status
is 1: the demo then runs without it.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "shop"
BUILD = ROOT / ".build"
PAGE = BUILD / "shop"
NEWEST = PAGE / "sources.sha256"
OLDEST_NODE = 18


class NotBuiltError(Exception):
    """There will be no page; the text says why, in one line."""


def digest() -> str:
    """Of everything that the page is made of."""
    files = [path for path in SOURCES.rglob("*") if path.is_file() and "node_modules" not in path.parts]
    parts = [f"{path.relative_to(SOURCES)}\0".encode() + path.read_bytes() for path in sorted(files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def build() -> None:
    """Install what `package-lock.json` names, and bundle; raises `NotBuiltError`."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotBuiltError(f"it needs Node ({OLDEST_NODE} or newer) and npm")
    version = _run("node", "--version").lstrip("v")
    if int(version.split(".")[0]) < OLDEST_NODE:
        raise NotBuiltError(f"it needs Node {OLDEST_NODE} or newer, and this is {version.strip()}")
    _run("npm", "ci", "--no-progress")
    _run("npm", "run", "--silent", "build")
    shutil.copy(SOURCES / "index.html", PAGE)


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        raise NotBuiltError(f"`{' '.join(command)}` did not end in five minutes") from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[0]
        raise NotBuiltError(f"`{' '.join(command)}` in shop/ fails: {said}")
    return done.stdout


def main() -> int:
    """The exit status."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "shop.lock").open("w") as lock:
        # Several test processes may want it at once; the first makes it, the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        present = digest()
        if NEWEST.is_file() and NEWEST.read_text() == present:
            return 0
        shutil.rmtree(PAGE, ignore_errors=True)
        try:
            build()
        except NotBuiltError as error:
            shutil.rmtree(PAGE, ignore_errors=True)
            print(f"the shop's page is not built: {error}", file=sys.stderr)
            return 1
        NEWEST.write_text(present)
    return 0


if __name__ == "__main__":
    sys.exit(main())
