"""Reading values: online, in previews; and how errors are told."""

from datetime import timedelta
from typing import Any

from pydantic import Field

from snowmelt.definitions.attribute_group import AttributeGroup
from snowmelt.definitions.base import Definition
from snowmelt.definitions.duration import Duration
from snowmelt.definitions.identifiers import Identifiers
from snowmelt.definitions.intervention import RuleIntervention
from snowmelt.definitions.names import AppId, PreviewIdentifier, QualifiedAttributeName


class GetServiceAttributesRequest(Definition):
    """Asks for all attributes of a service."""

    service: str = Field(description="Name of the service.")
    attribute_keys: Identifiers = Field(description="Whose attributes.")
    full_attribute_names: bool = Field(default=False, description="Answer under `group_vN:attribute`.")


class GetAttributeGroupAttributesRequest(Definition):
    """Asks for some attributes, of any groups."""

    attributes: list[QualifiedAttributeName] = Field(description="`group_vN:attribute` each.")
    attribute_keys: Identifiers = Field(description="Whose attributes.")
    full_attribute_names: bool = Field(default=False, description="Answer under `group_vN:attribute`.")


class TestAttributeGroupRequest(Definition):
    """Asks what a group would give over recent events."""

    __test__ = False  # or pytest takes it for a test case

    attribute_group: AttributeGroup = Field(description="Need not be registered.")
    app_ids: list[AppId] = Field(default_factory=list, max_length=10, description="Only their events; empty: all.")
    window: Duration = Field(default=timedelta(hours=1), description="How recent the events are.")
    attribute_key_ids: list[PreviewIdentifier] = Field(
        default_factory=list, max_length=50, description="Whose attributes; empty: a sample."
    )


class TestInterventionRequest(Definition):
    """Asks whom an intervention would have reached over recent events."""

    __test__ = False  # or pytest takes it for a test case

    intervention: RuleIntervention = Field(description="Need not be registered.")
    app_ids: list[AppId] = Field(default_factory=list, max_length=10, description="Only their events; empty: all.")
    window: Duration = Field(default=timedelta(hours=1), description="How recent the events are.")


class TestInterventionResponse(Definition):
    """Whom an intervention would have reached."""

    __test__ = False  # or pytest takes it for a test case

    scanned_count: int = Field(description="Profiles with events.")
    matched_count: int = Field(description="Profiles that match.")
    matches: dict[str, list[str]] = Field(description="Some of those, by the name of the key.")


class ErrorResponse(Definition):
    """A run-time error."""

    error: str | None = Field(default=None, description="What went wrong.")


class ValidationProblem(Definition):
    """One thing that is wrong with a body."""

    loc: list[str | int] = Field(description="Where.")
    msg: str = Field(description="What, and what to do about it.")
    type: str = Field(description="A stable word.")


class HTTPValidationError(Definition):
    """All that is wrong with a body."""

    detail: list[ValidationProblem] | None = Field(default=None, description="Each problem.")


ReadAnswer = dict[str, list[Any]]
"""The answer to both read requests: a list for each attribute, with one value for each identifier."""
