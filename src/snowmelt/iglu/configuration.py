"""The resolver that a configuration describes, in the form in which the reference pipeline takes it."""

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from snowmelt.errors import SnowmeltError
from snowmelt.iglu.allowance import Allowance
from snowmelt.iglu.folder import SchemaFolder
from snowmelt.iglu.gate import SchemaGate
from snowmelt.iglu.http_registry import HttpRegistry, http_fetch
from snowmelt.iglu.local import LocalRegistry
from snowmelt.iglu.repository import Place, Repository
from snowmelt.iglu.resolver import Resolver
from snowmelt.settings_schemas import SchemaSettings

STANDARD: Final = Path(__file__).parent / "standard"
"""Schemas that come with Snowmelt."""
EMBEDDED: Final = "/iglu-client-embedded"
"""What reference configurations call the schemas that come with the pipeline."""


class ResolverError(SnowmeltError):
    """The configuration of the resolver cannot be used."""

    code: ClassVar[str] = "resolver"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, validate_by_name=False)


class _Embedded(_Part):
    path: str


class _Http(_Part):
    uri: Annotated[str, Field(pattern=r"^https?://[^\s/]+")]
    apikey: Annotated[str | None, Field(min_length=1)] = None


class _Connection(_Part):
    embedded: _Embedded | None = None
    http: _Http | None = None

    @model_validator(mode="after")
    def _one(self) -> "_Connection":
        if (self.embedded is None) == (self.http is None):
            raise ValueError("give either embedded or http")
        return self


class RepositoryConfiguration(_Part):
    """One repository.

    Args:
        name: for people; each may be there once.
        priority: of two that are equally meant for a vendor, the lower one is asked first.
        vendor_prefixes: of vendors that it is meant for.
        connection: where it is.
    """

    name: Annotated[str, Field(min_length=1)]
    priority: int
    vendor_prefixes: list[str]
    connection: _Connection


class ResolverConfiguration(_Part):
    """Where schemas come from.

    Args:
        cache_size: schemas that are remembered.
        cache_ttl: seconds after which a registry is asked again.
        max_json_depth: taken, and not needed: the depth of events is bounded anyway.
        repositories: in any order.
    """

    cache_size: Annotated[int, Field(ge=1, le=100_000)] = 500
    cache_ttl: Annotated[float | None, Field(gt=0)] = None
    max_json_depth: int | None = None
    repositories: list[RepositoryConfiguration]

    @model_validator(mode="after")
    def _different(self) -> "ResolverConfiguration":
        names = [repository.name for repository in self.repositories]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two repositories are called {', '.join(twice)}")
        return self


def read_configuration(path: Path) -> ResolverConfiguration:
    """The configuration in a file: a self-describing JSON of ``com.snowplowanalytics.iglu/resolver-config``.

    Raises:
        ResolverError: it cannot be read, or is none; says everything that is wrong with it.
    """
    try:
        document: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise ResolverError(f"the resolver configuration {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ResolverError(f"the resolver configuration {path} is not JSON: {error}") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or not schema.startswith("iglu:com.snowplowanalytics.iglu/resolver-config/"):
        raise ResolverError(
            f"{path} is no resolver configuration: it must be a self-describing JSON whose schema is "
            "iglu:com.snowplowanalytics.iglu/resolver-config/jsonschema/1-0-3"
        )
    try:
        return ResolverConfiguration.model_validate(document.get("data"))
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'data'}: {problem['msg']}" for problem in error.errors()
        )
        raise ResolverError(f"the resolver configuration {path}: {found}") from None


def build_resolver(settings: SchemaSettings, local: LocalRegistry) -> Resolver:
    """The resolver that the settings describe.

    The local registry is asked first, then the folders of the settings, then the schemas that come with Snowmelt,
    then the repositories of the resolver configuration. Without one nothing is asked over the network.

    Raises:
        ResolverError: the resolver configuration cannot be used.
    """
    first: list[Repository] = [local]
    first += [SchemaFolder(path, Place(str(path))) for path in settings.folders]
    if settings.standard:
        first.append(SchemaFolder(STANDARD, Place("standard")))
    if settings.resolver is None:
        return Resolver(first)
    configuration = read_configuration(settings.resolver)
    allowance = Allowance()
    others = [_repository(each, configuration, settings, allowance) for each in configuration.repositories]
    return Resolver(first, others, size=configuration.cache_size)


def build_gate(settings: SchemaSettings, local: LocalRegistry, *, holds: bool = False) -> SchemaGate | None:
    """The validator that the settings describe, ``None`` if there is to be none.

    Args:
        settings: of schemas.
        local: the registry in the data folder.
        holds: whether it may say that nobody can say now.

    Raises:
        ResolverError: the resolver configuration cannot be used.
    """
    if not settings.validation:
        return None
    hold_seconds = settings.hold_seconds if holds else 0.0
    return SchemaGate(build_resolver(settings, local), settings.on_unresolved_schema, hold_seconds)


def _repository(
    described: RepositoryConfiguration,
    configuration: ResolverConfiguration,
    settings: SchemaSettings,
    allowance: Allowance,
) -> Repository:
    place = Place(described.name, described.priority, tuple(described.vendor_prefixes))
    embedded, http = described.connection.embedded, described.connection.http
    if embedded is not None:
        path = STANDARD if embedded.path == EMBEDDED else Path(embedded.path)
        return SchemaFolder(path, place, configuration.cache_size)
    assert http is not None
    return HttpRegistry(
        place,
        http.uri,
        http_fetch(settings.timeout_seconds, http.apikey),
        allowance,
        timeout=settings.timeout_seconds,
        found_seconds=configuration.cache_ttl or settings.found_seconds,
        missing_seconds=settings.missing_seconds,
        size=configuration.cache_size,
    )
