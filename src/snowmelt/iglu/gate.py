"""Judges self-describing data by its schema, and decides about data whose schema is not to be had."""

import time
from collections.abc import Callable
from typing import Any, Final, Literal

import structlog

from snowmelt.enrichment.validation import VALID, SchemasUnavailable, Verdict, validation_error
from snowmelt.events.schema_key import SchemaKey
from snowmelt.events.timestamp import format_iso
from snowmelt.iglu.http_registry import HttpRegistry
from snowmelt.iglu.lru import Lru
from snowmelt.iglu.repository import Absence, Trouble
from snowmelt.iglu.resolver import Resolution, Resolver
from snowmelt.iglu.schema import UnusableSchema

Policy = Literal["accept", "reject"]

MAX_SUPERSEDING: Final = 5
"""Schemas that may supersede one another in a row."""
REMIND_SECONDS: Final = 3_600.0
"""A schema that is not to be had is logged again after this time."""

logger = structlog.get_logger("snowmelt.schemas")


class SchemaGate:
    """A ``SchemaValidator`` with a resolver.

    Args:
        resolver: finds schemas.
        policy: what becomes of data whose schema is not to be had: ``accept`` lets it through and counts it,
            ``reject`` makes a failed event of it.
        hold_seconds: with ``reject``, for how long after a registry ceased to answer data that it may have a schema
            for is neither let through nor refused.
        clock: seconds; the one that the repositories go by.
    """

    def __init__(
        self,
        resolver: Resolver,
        policy: Policy = "accept",
        hold_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._policy = policy
        self._hold_seconds = hold_seconds
        self._clock = clock
        self._unresolved: dict[str, int] = {}
        self._told: Lru[SchemaKey, float] = Lru(1_000)
        self._looked_anew_for: int | None = None

    def check(self, key: SchemaKey, data: Any) -> Verdict:
        """The verdict of the schema on the data.

        Raises:
            SchemasUnavailable: nobody can say now; ask again later.
        """
        resolution = self._resolver.resolve(key)
        schema, version = resolution.schema, None
        for _ in range(MAX_SUPERSEDING):
            if schema is None or schema.superseded_by in (None, schema.key.version):
                break
            version = schema.superseded_by
            key = key._replace(version=version)
            resolution = self._resolver.resolve(key)
            schema = resolution.schema
        if schema is None:
            return self._without(key, resolution)
        try:
            compiled = schema.compiled
        except UnusableSchema as error:
            return self._without(key, Resolution(None, ((_FOUND, Absence("unusable", str(error))),)))
        if compiled.is_valid(data):
            return VALID if version is None else Verdict(superseded_by=version)
        return Verdict(validation_error(compiled.reports(data)))

    def look_anew(self, asked: int) -> None:
        """Ask anew for schemas that were missing, and for those in folders: they may be there, or others, by now.

        Args:
            asked: stands for the reason to; the same one as before is none, so that a thousand events that are tried
                again together do not cost a thousand questions.
        """
        if asked != self._looked_anew_for:
            self._looked_anew_for = asked
            self._resolver.look_anew()

    def _without(self, key: SchemaKey, resolution: Resolution) -> Verdict:
        trouble = resolution.trouble
        if self._policy == "reject" and trouble == "unreachable":
            since = resolution.unreachable_since
            if since is not None and self._clock() - since < self._hold_seconds:
                raise SchemasUnavailable(f"the schema {key.uri} is not to be had now: {_reasons(resolution)}")
        self._unresolved[trouble] = self._unresolved.get(trouble, 0) + 1
        self._tell(key, trouble, resolution)
        return VALID if self._policy == "accept" else Verdict(_resolution_error(resolution))

    def _tell(self, key: SchemaKey, trouble: Trouble, resolution: Resolution) -> None:
        now = self._clock()
        told = self._told.get(key)
        if told is None or now - told > REMIND_SECONDS:
            self._told.set(key, now)
            consequence = "accepted without validation" if self._policy == "accept" else "refused"
            logger.warning(
                "no schema", schema=key.uri, trouble=trouble, events=consequence, reasons=_reasons(resolution)
            )

    def take_counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """What happened since the last call: self-describing data without a schema, by trouble; and questions to
        registries, by ``registry:answer``."""
        unresolved, self._unresolved = self._unresolved, {}
        lookups: dict[str, int] = {}
        for repository in self._resolver.repositories:
            if isinstance(repository, HttpRegistry):
                answers, repository.answers = repository.answers, {}
                lookups |= {f"{repository.place.name}:{answer}": count for answer, count in answers.items()}
        return unresolved, lookups


_FOUND = "the repository that has it"


def _reasons(resolution: Resolution) -> str:
    return "; ".join(f"{name}: {absence.message}" for name, absence in resolution.absences)


def _resolution_error(resolution: Resolution) -> dict[str, Any]:
    """The error object of a schema that is not to be had, as failed events hold it."""
    return {
        "error": "ResolutionError",
        "lookupHistory": [
            {
                "repository": name,
                "errors": [_lookup_error(absence)],
                "attempts": absence.attempts,
                "lastAttempt": format_iso(absence.last_attempt),
            }
            for name, absence in resolution.absences
        ],
    }


def _lookup_error(absence: Absence) -> dict[str, str]:
    if absence.trouble == "missing":
        return {"error": "NotFound"}
    kind = "ClientFailure" if absence.trouble == "unusable" else "RepoFailure"
    return {"error": kind, "message": absence.message}
