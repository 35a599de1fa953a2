"""What a definition would have given over recent events: asking, and making a table of the answer."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from snowmelt.definitions import AttributeGroup, AttributeKeyId, RuleIntervention
from snowmelt.definitions.wire import TestAttributeGroupRequest, TestInterventionRequest, TestInterventionResponse
from snowmelt.sdk.messages import Call, Request
from snowmelt.sdk.registry import parsed

if TYPE_CHECKING:
    # Optional at run time: only tables need it.
    from pandas import DataFrame  # type: ignore[import-not-found, import-untyped, unused-ignore]

GROUPS, INTERVENTIONS = "testing/attribute_groups/", "testing/interventions/"
SERVER_SECONDS = 60.0
"""What the server may take on top of the client's patience; a preview counts many events."""
HOUR = timedelta(hours=1)


def group_request(
    group: AttributeGroup,
    attribute_key_ids: Sequence[str | AttributeKeyId] | None,
    app_ids: Sequence[str] | None,
    window: timedelta,
) -> TestAttributeGroupRequest:
    """The request that the arguments of ``Signals.test`` stand for."""
    ids = [one.root if isinstance(one, AttributeKeyId) else one for one in attribute_key_ids or ()]
    return TestAttributeGroupRequest(
        attribute_group=group, app_ids=list(app_ids or ()), window=window, attribute_key_ids=ids
    )


def intervention_request(
    intervention: RuleIntervention, app_ids: Sequence[str] | None, window: timedelta
) -> TestInterventionRequest:
    """The request that the arguments of ``Signals.test_intervention`` stand for."""
    return TestInterventionRequest(intervention=intervention, app_ids=list(app_ids or ()), window=window)


def of_group(request: Any) -> Call[list[dict[str, Any]]]:
    """A row for each key value."""
    response = yield Request("POST", GROUPS, _body(request), reads=True, waits=SERVER_SECONDS)
    rows = response.json()
    if not isinstance(rows, list):
        raise response.unexpected("the rows are no list")
    return rows


def of_intervention(request: Any) -> Call[TestInterventionResponse]:
    """Whom it would have reached."""
    response = yield Request("POST", INTERVENTIONS, _body(request), reads=True, waits=SERVER_SECONDS)
    return parsed(response, TestInterventionResponse, response.json())


def table(rows: list[dict[str, Any]]) -> "DataFrame":
    """Rows as a table.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise ImportError(
            "a preview comes as a table of pandas: pip install pandas, or use `signals.testing.rows`"
        ) from error
    return pandas.DataFrame(rows)


def _body(request: Any) -> Any:
    return request.model_dump(mode="json", by_alias=True, exclude_none=True)
