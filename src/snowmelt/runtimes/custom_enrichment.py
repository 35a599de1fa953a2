"""Enrichments of the operator's own, each in a process of its own, so that none can hold up the engine for long."""

import io
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from decimal import Decimal
from importlib.metadata import entry_points
from typing import Any

import structlog

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import EnrichmentFailure, EnrichmentSetupError, SetupProblem
from snowmelt.events.canonical import Event, is_self_describing
from snowmelt.events.errors import SchemaUriError
from snowmelt.events.fields import FIELD_BY_NAME
from snowmelt.events.numbers import NumberText
from snowmelt.events.schema_key import SchemaKey
from snowmelt.runtimes.frames import receive_frame, send_frame
from snowmelt.settings_enrichment import CustomEnrichmentSettings

GROUP = "snowmelt.enrichments"
"""The entry points by which packages offer enrichments."""
STDERR = 2
START_SECONDS = 10.0
"""How long an enrichment may take to start."""
LOST_SECONDS, WINDOW_SECONDS = 10.0, 60.0
"""When hanging and starting anew have cost the engine so much of a minute, the enrichment is off for the rest of it."""

_NOTABLE_SECONDS = 0.01
_ALWAYS_THERE = frozenset({"event_id", "collector_tstamp", "derived_tstamp", "etl_tstamp", "v_collector", "v_etl"})
_TYPES: dict[str, type] = {
    "string": str,
    "uuid": str,
    "timestamp": int,
    "integer": int,
    "decimal": Decimal,
    "float": float,
    "flag": bool,
}

logger = structlog.get_logger("snowmelt.engine")


class CustomFailure(EnrichmentFailure):
    """An enrichment of the operator's own failed an event.

    Args:
        name: of the enrichment.
        why: what it raised, or what became of it.
    """

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, None, why)
        self.message = {"enrichment": None, "message": {"error": f"enrichment {name}: {why}"}}


class CustomEnrichment:
    """A step that another process does, within a time.

    What hangs is killed, whatever it hangs in, and started anew; its event fails. How much of the engine's time goes
    into that is bounded: see ``LOST_SECONDS``. While an enrichment is off, events fail at once, and can be replayed.

    Args:
        name: of the entry point.
        settings: its options, and its time for one event.

    Cost: 100 to 150 microseconds for each event, beside what it does itself; a process with some 40 MB.

    Raises:
        SetupProblem: no package offers it, or it does not start.
    """

    def __init__(self, name: str, settings: CustomEnrichmentSettings) -> None:
        self.name = f"custom.{name}"
        self._entry_point, self._settings = name, settings
        self._lost: deque[tuple[float, float]] = deque()
        self._process: subprocess.Popen[bytes] | None = None
        known = sorted(entry_points(group=GROUP).names)
        if name not in known:
            offered = f"there is {', '.join(known)}" if known else "there is none"
            raise SetupProblem(f"no installed package offers an enrichment `{name}` ({GROUP}): {offered}")
        try:
            self._start()
        except (OSError, EOFError) as error:
            self.close()
            raise SetupProblem(f"the enrichment `{name}` does not start: {error}") from error

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Fails an event on which the enrichment raises, hangs or dies, or of which it makes no event."""
        if self._is_off():
            raise CustomFailure(self._entry_point, f"switched off for up to {WINDOW_SECONDS:g} s: it hung too often")
        handed_over = pickle.dumps((event, raw))
        started = time.monotonic()
        if self._process is None:
            try:
                self._start()
            except (OSError, EOFError) as error:
                raise self._given_up(started, f"does not start: {error}") from None
        begun = time.monotonic()
        deadline = begun + self._settings.timeout_ms / 1000
        try:
            send_frame(self._connection, handed_over, deadline)
            answer = receive_frame(self._connection, deadline)
        except TimeoutError:
            raise self._given_up(started, f"took longer than {self._settings.timeout_ms:g} ms") from None
        except (OSError, EOFError) as error:
            raise self._given_up(started, f"its process ended: {error}") from None
        if begun > started + _NOTABLE_SECONDS:
            self._lost.append((started, begun - started))
        enriched = self._read(answer)
        event.clear()
        event.update(enriched)

    def close(self) -> None:
        """End its process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._connection.close()
            self._process = None

    def _given_up(self, started: float, why: str) -> CustomFailure:
        """End its process, and note what it cost."""
        self.close()
        self._lost.append((started, time.monotonic() - started))
        logger.error("an enrichment is started anew", enrichment=self._entry_point, reason=why)
        return CustomFailure(self._entry_point, why)

    def _is_off(self) -> bool:
        now = time.monotonic()
        while self._lost and self._lost[0][0] < now - WINDOW_SECONDS:
            self._lost.popleft()
        return sum(seconds for _, seconds in self._lost) > LOST_SECONDS

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._connection = ours
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "snowmelt.runtimes.custom_enrichment_process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=STDERR,  # what it prints must not be taken for the engine's own messages
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        send_frame(ours, pickle.dumps((self._entry_point, self._settings.options)), deadline)
        problem = receive_frame(ours, deadline).decode()
        if problem:
            raise EOFError(problem)

    def _read(self, answer: bytes) -> Event:
        """The event in an answer, if it is one.

        Raises:
            EnrichmentFailure: it is none, or the enrichment failed the event.
        """
        try:
            verdict, value = _CanonicalUnpickler(io.BytesIO(answer)).load()
        except Exception as error:
            raise CustomFailure(self._entry_point, f"left what is no event: {error}") from None
        if verdict == "failed":
            failure = CustomFailure(self._entry_point, "")
            failure.message = value if isinstance(value, dict) else CustomFailure(self._entry_point, str(value)).message
            raise failure
        problem = _problem(value)
        if problem is not None:
            raise CustomFailure(self._entry_point, f"left what is no event: {problem}")
        return value  # type: ignore[no-any-return]


class _CanonicalUnpickler(pickle.Unpickler):
    """Reads canonical events, and runs nobody's code for that."""

    def find_class(self, module: str, name: str) -> Any:
        for kind in (Decimal, NumberText):
            if (kind.__module__, kind.__name__) == (module, name):
                return kind
        raise pickle.UnpicklingError(f"it holds a {module}.{name}")


def _problem(event: Any) -> str | None:
    """Why a value is no canonical event; ``None`` if it is one."""
    if not isinstance(event, dict):
        return "not a dict"
    missing = sorted(_ALWAYS_THERE - event.keys())
    if missing:
        return f"{', '.join(missing)} must not be taken away"
    for column, value in event.items():
        field = FIELD_BY_NAME.get(column)
        if field is None:
            return f"there is no column {column!r}"
        if field.type == "json":
            items = [value] if column == "unstruct_event" else value
            if not isinstance(items, list) or not all(_is_described(item) for item in items):
                return f"{column} must hold self-describing JSONs"
        elif type(value) is not _TYPES[field.type] or value == "":
            return f"{column} must hold a {_TYPES[field.type].__name__}, and be left out if there is none"
        elif isinstance(value, str) and not value.isprintable() and any(mark in value for mark in "\t\n\r"):
            return f"{column} must not hold tabs or line breaks"
    return None


def _is_described(item: Any) -> bool:
    if not is_self_describing(item):
        return False
    try:
        SchemaKey.parse(item["schema"])
    except SchemaUriError:
        return False
    return True


def custom_steps(settings: dict[str, CustomEnrichmentSettings]) -> tuple[CustomEnrichment, ...]:
    """The operator's enrichments, started, in the order of the settings.

    Raises:
        EnrichmentSetupError: some do not start; tells of all.
    """
    steps: list[CustomEnrichment] = []
    problems: list[str] = []
    for name, each in settings.items():
        try:
            steps.append(CustomEnrichment(name, each))
        except SetupProblem as problem:
            problems.append(str(problem))
    if problems:
        for step in steps:
            step.close()
        raise EnrichmentSetupError(problems)
    return tuple(steps)


def die_with_parent() -> None:
    """Have this process killed when the one that started it is gone, even if it hangs in code that heeds nothing."""
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)
