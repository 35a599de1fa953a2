"""A registry of schemas over HTTP: Iglu Central, an Iglu Server, another Snowmelt, or plain files on a web server."""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple

from snowmelt.events.schema_key import SchemaKey
from snowmelt.iglu.allowance import Allowance
from snowmelt.iglu.lru import Lru
from snowmelt.iglu.repository import Absence, Place
from snowmelt.iglu.schema import MAX_BYTES, Schema, UnusableSchema

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds for which a registry that did not answer is left alone, doubled each time."""
MAX_HANGING: Final = 4
"""Requests that nobody waits for any more but that have not ended; beyond that, none is begun."""


class Answer(NamedTuple):
    """What a web server says.

    Args:
        status: of HTTP.
        body: its first bytes, one more at most than a schema may have.
    """

    status: int
    body: bytes


Fetch = Callable[[str], Answer]
"""Gets a URL; raises whatever it likes if that fails, a ``TimeoutError`` that says it all if nothing came in time."""


class _Entry(NamedTuple):
    due: float
    found: Schema | Absence


class HttpRegistry:
    """Looks schemas up at ``<uri>/schemas/<vendor>/<name>/<format>/<version>``, and remembers what it was told.

    The caller waits for a bounded time: for one answer ``timeout`` seconds at most; when the registry does not answer
    not at all for a while, longer each time (1 s to 30 s); and never more altogether than ``allowance`` grants. What
    was found stays in use when the registry cannot be reached.

    Args:
        place: its name, and when it is asked.
        uri: base address, such as ``https://iglu.example.com/api``.
        fetch: gets a URL.
        allowance: time that may be waited; shared by all registries.
        timeout: seconds to wait for an answer.
        found_seconds: how long a schema is used before it is asked for again.
        missing_seconds: how long a schema is taken for missing before it is asked for again.
        size: schemas that are remembered at most, and as many that are missing.
        clock: seconds; must not go back.
    """

    def __init__(
        self,
        place: Place,
        uri: str,
        fetch: Fetch,
        allowance: Allowance,
        *,
        timeout: float = 1.0,
        found_seconds: float = 600.0,
        missing_seconds: float = 60.0,
        size: int = 500,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place
        self._uri = uri.rstrip("/")
        self._fetch, self._allowance = fetch, allowance
        self._timeout, self._found_seconds, self._missing_seconds = timeout, found_seconds, missing_seconds
        self._clock = clock
        self._found: Lru[SchemaKey, _Entry] = Lru(size)
        self._absent: Lru[SchemaKey, _Entry] = Lru(size)
        self._failures = 0
        self._down: Absence | None = None
        self._asked_again_at = 0.0
        self._hanging = 0
        self._lock = threading.Lock()
        self.answers: dict[str, int] = {}
        """How often it gave which answer since it was last looked at; see :meth:`SchemaGate.take_counts`."""

    @property
    def place(self) -> Place:
        """Its name, and when it is asked."""
        return self._place

    def look_up(self, key: SchemaKey) -> Schema | Absence:
        """The schema of a key, or why there is none; never raises."""
        now = self._clock()
        entry = self._found.get(key) or self._absent.get(key)
        if entry is not None and now < entry.due:
            return entry.found
        if now < self._asked_again_at and self._down is not None:
            return self._kept(entry, self._down)
        if not self._allowance.left(now):
            return self._kept(entry, Absence("busy", "too much time was spent on looking schemas up", 0, _now_ms()))
        found = self._ask(key, entry)
        ended = self._clock()
        self._allowance.spend(ended - now, ended)
        word = "found" if isinstance(found, Schema) else found.trouble
        self.answers[word] = self.answers.get(word, 0) + 1
        if isinstance(found, Absence) and found.trouble == "unreachable":
            return self._kept(entry, self._left_alone(found, ended))
        self._down, self._failures = None, 0
        if isinstance(found, Schema):
            self._found.set(key, _Entry(ended + self._found_seconds, found))
            self._absent.discard(key)
        else:
            self._absent.set(key, _Entry(ended + self._missing_seconds, found))
            self._found.discard(key)
        return found

    def look_anew(self) -> None:
        """Ask for schemas that were missing when they are wanted next; a registry that is down is left alone still."""
        self._absent.clear()

    def _left_alone(self, found: Absence, now: float) -> Absence:
        since = now if self._down is None else self._down.since
        self._failures += 1
        self._asked_again_at = now + min(FIRST_PAUSE * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE)
        self._down = found._replace(since=since, attempts=self._failures)
        return self._down

    @staticmethod
    def _kept(entry: _Entry | None, otherwise: Absence) -> Schema | Absence:
        """What was known is better than nothing; what was missing may be there by now."""
        return entry.found if entry is not None and isinstance(entry.found, Schema) else otherwise

    def _ask(self, key: SchemaKey, entry: _Entry | None) -> Schema | Absence:
        """Ask in a thread: only so is the time bounded whatever the other end does."""
        asked = _now_ms()
        with self._lock:
            if self._hanging >= MAX_HANGING:
                return Absence("unreachable", f"{MAX_HANGING} requests hang already", 1, asked)
            self._hanging += 1
        answers: SimpleQueue[Answer | Exception] = SimpleQueue()
        url = f"{self._uri}/schemas/{'/'.join(key)}"

        def get() -> None:
            answer: Answer | Exception
            try:
                answer = self._fetch(url)
            except Exception as error:
                answer = error
            with self._lock:
                self._hanging -= 1
            answers.put(answer)

        threading.Thread(target=get, name="schema lookup", daemon=True).start()
        try:
            answer = answers.get(timeout=self._timeout)
        except Empty:
            answer = _no_answer(self._timeout)
        if isinstance(answer, Exception):
            what = str(answer) if isinstance(answer, TimeoutError) else f"{type(answer).__name__}: {answer}"
            return Absence("unreachable", what[:300], 1, asked)
        before = entry.found if entry is not None else None
        attempts = before.attempts + 1 if isinstance(before, Absence) else 1
        if answer.status in (404, 410):
            return Absence("missing", "NotFound", attempts, asked)
        if answer.status != 200:
            return Absence("unreachable", f"status {answer.status}", 1, asked)
        if isinstance(before, Schema) and before.text == answer.body:
            return before
        try:
            return Schema.parse(answer.body, key)
        except UnusableSchema as error:
            return Absence("unusable", str(error), attempts, asked)


def http_fetch(timeout: float, api_key: str | None = None) -> Fetch:
    """Gets URLs with httpx.

    Args:
        timeout: seconds for connecting, and for each piece of the answer.
        api_key: sent as ``apikey``, as an Iglu Server takes it; no redirect is followed then, so that the key
            reaches nobody else.
    """
    # Loaded only where registries are asked: it would slow down every start.
    import httpx

    headers = {"apikey": api_key} if api_key else {}
    # To read all the certificates that are trusted takes longer than the lookup itself.
    certificates = httpx.create_ssl_context()

    def fetch(url: str) -> Answer:
        # Lookups are rare: to keep a connection open in between would gain nothing.
        try:
            with (
                httpx.Client(
                    timeout=timeout, headers=headers, follow_redirects=api_key is None, verify=certificates
                ) as client,
                client.stream("GET", url) as response,
            ):
                body = b""
                for piece in response.iter_bytes(65_536):
                    body += piece
                    if len(body) > MAX_BYTES:
                        break
                return Answer(response.status_code, body)
        except httpx.TimeoutException:
            # Whoever waits for this may have given up a moment ago, or not: the same is said either way.
            raise _no_answer(timeout) from None

    return fetch


def _no_answer(seconds: float) -> TimeoutError:
    return TimeoutError(f"no answer within {seconds:g} s")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
