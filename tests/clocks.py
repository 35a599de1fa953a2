"""Servers whose clock can be set, by libfaketime; clocks that only measure time stay as they are."""

import subprocess
from pathlib import Path

import pytest


class SetClock:
    """The clock of the processes that are started while it is in the environment.

    Args:
        file: says how far it is off; made.
        monkeypatch: puts it into the environment.
    """

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file = file
        self.seconds = 0
        self.set(0)
        try:
            done = subprocess.run(
                ["faketime", "-m", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True
            )
        except FileNotFoundError:
            pytest.fail("faketime is missing: scripts/system-deps tests installs it")
        environment = {
            "LD_PRELOAD": done.stdout.strip(),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        self._variables, self._monkeypatch = environment, monkeypatch

    def __enter__(self) -> "SetClock":
        for name, value in self._variables.items():
            self._monkeypatch.setenv(name, value)
        return self

    def __exit__(self, *raised: object) -> None:
        for name in self._variables:
            self._monkeypatch.delenv(name)

    def set(self, seconds: int) -> None:
        """Set it ahead by so many seconds, or back."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{seconds:+d}\n")
        draft.replace(self._file)
        self.seconds = seconds
