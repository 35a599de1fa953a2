"""Starts and stops a registry of schemas in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Literal

from iglu_documents import document
from snowmelt.events.schema_key import SchemaKey

Mode = Literal["good", "slow", "drip", "500", "garbage", "empty", "redirect"]


class SchemaRegistry:
    """A registry over HTTP that tests break and mend.

    Args:
        folder: for its schemas and what it is told.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.be("good")
        self.start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        program = Path(__file__).with_name("schema_registry_process.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program), str(self._folder), str(self._port)], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self._port = json.loads(self._process.stdout.readline())["port"]

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def be(self, mode: Mode) -> None:
        draft = self._folder / "mode.new"
        draft.write_text(mode)
        draft.replace(self._folder / "mode")

    def put(self, key: SchemaKey, **rest: object) -> None:
        file = self._folder / "schemas" / "/".join(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(document(key, **rest))

    def asked(self) -> list[str]:
        file = self._folder / "asked"
        return file.read_text().splitlines() if file.exists() else []

    def configuration(self, **http: str) -> str:
        """A ``resolver.json`` that names it."""
        one = {"name": "central", "priority": 0, "vendorPrefixes": [], "connection": {"http": {"uri": self.uri} | http}}
        schema = "iglu:com.snowplowanalytics.iglu/resolver-config/jsonschema/1-0-3"
        return json.dumps({"schema": schema, "data": {"cacheSize": 500, "repositories": [one]}})
