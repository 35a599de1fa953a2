"""Environments of the vendor's packages, pinned by hash: nothing in them can be imported from the tests themselves."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def isolated_python(name: str) -> Path:
    """The interpreter of the environment of ``requirements/<name>.txt``; made if it is not there yet.

    A new pin makes a new environment.
    """
    pins = ROOT / "requirements" / f"{name}.txt"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    folder = ROOT / ".build" / f"{name}-{digest}"
    python = folder / "bin" / "python"
    done = folder / "complete"
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        # Several test processes may want it at once; the first makes it, the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            beside = str(Path(sys.executable).parent)
            uv = shutil.which("uv", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
            assert uv, "uv is missing; `make setup` installs it"
            _run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
            _run(uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(pins))
            done.touch()
    return python


def node_packages(source: Path) -> Path:
    """The ``package.json`` of the pinned packages for Node that a folder names; installed if they are not there yet.

    Args:
        source: a folder with ``package.json``, ``package-lock.json`` and ``.npmrc``.
    """
    pins = [source / name for name in ("package.json", "package-lock.json", ".npmrc")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in pins)).hexdigest()[:12]
    folder = ROOT / ".build" / f"node-{source.parent.name}-{digest}"
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for path in pins:
                shutil.copy(path, folder)
            _run("npm", "ci", folder=folder)
            (folder / "complete").touch()
    return folder / "package.json"


def _run(*command: str, folder: Path | None = None) -> None:
    outcome = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=600)
    assert outcome.returncode == 0, f"{' '.join(command)}\n{outcome.stdout}{outcome.stderr}"
