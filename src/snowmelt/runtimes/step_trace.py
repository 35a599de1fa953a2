"""What one step of the engine did, and when: written down as it goes, told only if somebody traces it."""

import time
from collections.abc import Callable


class StepTrace:
    """The phases of a step, and the traced requests whose events it applies.

    Attributes:
        marks: (phase, ns since the epoch) in order; each phase ends where the next one begins.
        requests: traceparent of a request -> its place in the event log.
        events: how many events were applied.

    >>> trace = StepTrace()
    >>> trace.mark("enrich"), trace.mark("end"), trace.request("00-...", 7)
    (None, None, None)
    >>> [phase for phase, _ in trace.marks], trace.requests
    (['enrich', 'end'], {'00-...': 7})
    """

    def __init__(self) -> None:
        self.marks: list[tuple[str, int]] = []
        self.requests: dict[str, int] = {}
        self.events = 0

    def mark(self, phase: str) -> None:
        """Here one phase ends and another begins."""
        self.marks.append((phase, time.time_ns()))

    def request(self, traceparent: str | None, place: int) -> None:
        """A request is in the step; one that is not traced is none of its business."""
        if traceparent is not None:
            self.requests[traceparent] = place


class Untraced(StepTrace):
    """Of a step that nobody traces: keeps nothing."""

    def mark(self, phase: str) -> None:
        """Nothing."""

    def request(self, traceparent: str | None, place: int) -> None:
        """Nothing."""


OnStep = Callable[[StepTrace], None]
