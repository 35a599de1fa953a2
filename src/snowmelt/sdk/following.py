"""Following a stream of interventions without losing or repeating one. Without I/O, like the calls.

`follow` is a *flow* like those of `snowmelt.sdk.session`: a generator that yields steps and is sent what came of
each. The two kinds of subscription (`snowmelt.sdk.subscriptions`) only perform the steps.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass
from urllib.parse import urlencode

from pydantic import ValidationError

from snowmelt.definitions import AttributeKeyIdentifiers, InterventionInstance
from snowmelt.sdk.event_stream import EventStreamParser
from snowmelt.sdk.messages import Request, Response
from snowmelt.sdk.retry import TEMPORARY, retry_after
from snowmelt.sdk.session import Failure, Send, Session, Wait

PATH = "interventions"
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
MEDIA_TYPE = "text/event-stream"
# Compressed, events would wait in buffers.
HEADERS = {"Accept": MEDIA_TYPE, "Accept-Encoding": "identity", "Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class Listen:
    """A step: open a stream; answered with a `Response` or a `Failure`. A success has no content yet."""

    send: Send


@dataclass(frozen=True, slots=True)
class Read:
    """A step: wait for more of the stream; answered with bytes, or None once it has ended or was cut."""


Step = Listen | Read | Wait | InterventionInstance
"""An `InterventionInstance` is a step too: hand it to whoever subscribed."""
Outcome = Response | Failure | bytes | None
Following = Generator[Step, Outcome, None]


def query(targets: AttributeKeyIdentifiers) -> str:
    """Targets as the server reads them.

    >>> query(AttributeKeyIdentifiers({"user_id": ["a b", "c"]}))
    'user_id=a+b&user_id=c'
    """
    return urlencode(
        [(key, identifier) for key, identifiers in (targets.root or {}).items() for identifier in identifiers]
    )


def follow(session: Session, targets: AttributeKeyIdentifiers, rand: random.Random | None = None) -> Following:
    """The steps of a subscription; it ends only with an error.

    A connection that is cut, refused for the moment or silent is opened again, after a pause that grows from
    attempt to attempt, and goes on after the last event that was received.

    Raises:
        SignalsAPIError: The server refuses the subscription for good; the subclass tells which.
    """
    rand = rand or random.Random()
    request = Request("GET", f"{PATH}?{query(targets)}", authorized=False, headers=HEADERS)
    last_event_id: str | None = None
    failed = 0
    pause = 0.0
    while True:
        send = session.prepared(request, None)
        if last_event_id is not None:
            send.headers["Last-Event-ID"] = last_event_id
        outcome = yield Listen(send)
        if isinstance(outcome, Response) and outcome.ok:
            if outcome.headers.get("content-type", "").partition(";")[0].strip() != MEDIA_TYPE:
                raise outcome.unexpected("expected a stream of events")
            failed = 0
            parser = EventStreamParser(last_event_id)
            while isinstance(piece := (yield Read()), bytes):
                for event in parser.feed(piece):
                    if event.kind == "message":
                        # By now `last_event_id` is this event's.
                        yield _intervention(outcome, event.data)
            last_event_id = parser.last_event_id
            pause = FIRST_PAUSE if parser.retry is None else min(parser.retry, LONGEST_PAUSE)
        else:
            failed += 1
            pause = _pause(session, outcome, failed, rand)
        yield Wait(pause)


def _pause(session: Session, outcome: Outcome, failed: int, rand: random.Random) -> float:
    """Seconds until the next attempt; what cannot be mended by one is raised."""
    grown = rand.uniform(0.5, 1.0) * min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failed, 16))
    if not isinstance(outcome, Response):
        return grown
    if outcome.status not in TEMPORARY:
        outcome.json()  # raises what the status means
    asked = retry_after(outcome.headers.get("retry-after"), session.now())
    return grown if asked is None else min(asked, LONGEST_PAUSE)


def _intervention(response: Response, data: str) -> InterventionInstance:
    try:
        return InterventionInstance.model_validate_json(data)
    except ValidationError as error:
        raise response.unexpected(f"an event is no intervention: {error}") from error
