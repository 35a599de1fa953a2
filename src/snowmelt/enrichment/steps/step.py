"""The contract of an enrichment step."""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.errors import SnowmeltError
from snowmelt.events.canonical import Event, SelfDescribing


class Step(Protocol):
    """Adds to an event what can be told from it and the request that brought it.

    A new step is a file beside this one and a row in ``order.STEPS``. Steps see what the steps before them
    wrote; every step runs, whatever became of the others.
    """

    name: str
    """Stable word for configuration and logs."""

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Fill columns of the event, or add an entity with ``add_entity``.

        Args:
            event: canonical event, changed in place.
            raw: the request's parameters for it, and the request itself.

        Raises:
            EnrichmentFailure: the event cannot be used; every step's failure is reported.
        """
        ...


class EnrichmentFailure(SnowmeltError):
    """A step found that an event cannot be used.

    Args:
        field: the column or part at fault.
        value: what it holds.
        expectation: what it should.
        enrichment: ``{"schemaKey", "identifier"}`` of a configurable enrichment; ``None`` for built-in steps.
    """

    def __init__(
        self, field: str, value: str | None, expectation: str, enrichment: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{field}: {expectation}")
        self.message: dict[str, Any] = {
            "enrichment": enrichment,
            "message": {"field": field, "value": value, "expectation": expectation},
        }


class SetupProblem(SnowmeltError):
    """One enrichment cannot be set up as the settings say."""

    code: ClassVar[str] = "enrichment_setup"


class EnrichmentSetupError(SnowmeltError):
    """Some enrichments cannot be set up as the settings say; lists all of them.

    Args:
        problems: one sentence each.
    """

    code: ClassVar[str] = "enrichment_setup"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"enrichments cannot be set up; mend [enrichment] in the settings:{lines}")


def add_entity(event: Event, schema: str, data: Any) -> None:
    """Attach an entity found by enrichment; the one added last comes first."""
    entity: SelfDescribing = {"schema": schema, "data": data}
    event.setdefault("derived_contexts", []).insert(0, entity)
