"""Disks of a test's own, which may be full or refuse to be written.

Mounting needs root. Who is not root runs the test in a mount namespace in which it is; where the system does not allow
that either the test fails and says so.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def may_mount(request: pytest.FixtureRequest) -> bool:
    """Whether the test may go on here; if not, it has been run, and has succeeded, where it may."""
    if os.geteuid() == 0:
        return True
    command = [
        "unshare",
        "--mount",
        "--map-root-user",
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run([*command, request.node.nodeid], capture_output=True, text=True, cwd=ROOT)
    if "unshare:" in done.stderr:
        pytest.fail(f"a disk must be mounted: run this test as root, or allow user namespaces ({done.stderr.strip()})")
    assert done.returncode == 0, done.stdout
    return False


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"a disk cannot be mounted, which this test needs root for: {done.stderr.strip()}")


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk in memory of that size, mounted at a folder."""
    folder.mkdir()
    mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write to a folder, root neither."""
    mount("--bind", str(folder), str(folder))
    try:
        mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class FailingDisk:
    """A disk that the system takes for broken from a moment on, and then lets nobody write to.

    Args:
        image: the file that it is in; made.
        folder: where it is mounted; made.
    """

    def __init__(self, image: Path, folder: Path, megabytes: int) -> None:
        self._image, self._folder = image, folder
        image.touch()
        os.truncate(image, megabytes * 1024**2)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
        folder.mkdir()
        self.mount()

    def mount(self) -> None:
        mount("-o", "loop,errors=remount-ro", str(self._image), str(self._folder))

    def fail(self) -> None:
        """Refuse every write, of files that are open as well."""
        mount("-o", "remount,abort", str(self._folder))

    def unmount(self) -> None:
        subprocess.run(["umount", str(self._folder)], check=True)


def fill(file: Path, but: int = 0) -> None:
    """Take all the room of a disk but some bytes."""
    with file.open("wb") as opened:
        while (free := os.statvfs(file).f_bavail * os.statvfs(file).f_frsize - but) > 0:
            try:
                os.posix_fallocate(opened.fileno(), opened.seek(0, os.SEEK_END), min(free, 1024**2))
            except OSError:
                return
