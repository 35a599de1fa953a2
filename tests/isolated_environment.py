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


def _run(*command: str) -> None:
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert outcome.returncode == 0, f"{' '.join(command)}\n{outcome.stdout}{outcome.stderr}"
