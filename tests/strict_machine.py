"""A machine that refuses what it has no schema for, and what can be asked of it."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from iglu_documents import Clock, Shelf, key, schema
from machine import Machine, Wire, group, page_view
from snowmelt.cli.replayer import Replayer
from snowmelt.enrichment.pipeline import Enricher
from snowmelt.iglu.gate import SchemaGate
from snowmelt.iglu.repository import Absence
from snowmelt.iglu.resolver import Resolver
from snowmelt.stores.bell import Bell
from snowmelt.stores.failed_events import Failed, Filter

ORDER = key()
WRAPPER = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1"


def with_order(user: str, **parameters: Any) -> Wire:
    """A page view with an entity of a schema that nobody has at first."""
    wrapped = json.dumps({"schema": WRAPPER, "data": [{"schema": ORDER.uri, "data": {}}]})
    return page_view(user, co=wrapped, **parameters)


class Strict:
    """A machine whose pipeline refuses what it has no schema for, with the means to ask for replays."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.shelf, self.clock = Shelf(), Clock()
        gate = self.gate()
        self.machine = Machine(folder, Enricher(validator=gate), gate=gate, **options)
        self.machine.define(1, {1: group()})
        self._bell = folder / "bell"

    def gate(self) -> SchemaGate:
        """What judges by the schemas on the shelf; each remembers for itself what it was told."""
        return SchemaGate(Resolver([self.shelf], clock=self.clock), "reject", 60.0, self.clock)

    def have_schema(self) -> None:
        self.shelf.has[ORDER] = schema()
        self.clock.now += 1

    def lose_schema(self, absence: Absence | None = None) -> None:
        self.shelf.has.pop(ORDER, None)
        if absence is not None:
            self.shelf.has[ORDER] = absence
        self.clock.now += 1

    def replay(self, wanted: Filter | None = None) -> Replayer:
        with closing(Bell(self._bell)) as bell:
            replayer = Replayer(self.machine.log, bell, self.machine.failed)
            replayer.ask_all(wanted or Filter(state="waiting"))
        return replayer

    def failed(self) -> list[Failed]:
        return list(self.machine.failed.list())
