"""Problems: where they are, how they travel, how they read."""

import pytest
from pydantic import ValidationError

from snowmelt.definitions import DefinitionError, Problem
from snowmelt.definitions.attribute_group import read_group
from snowmelt.definitions.problems import problems_of
from snowmelt.errors import SnowmeltError

PROBLEM = Problem(("attributes", 0, "type"), "must be numeric", "type_of_aggregation")


def test_problems_move_with_their_definition() -> None:
    assert PROBLEM.under("attribute_group").loc == ("attribute_group", "attributes", 0, "type")
    assert PROBLEM.as_json("body") == {
        "loc": ["body", "attributes", 0, "type"],
        "msg": "must be numeric",
        "type": "type_of_aggregation",
    }
    assert str(PROBLEM) == "attributes.0.type: must be numeric"
    assert str(Problem((), "no object", "object_type")) == "no object"


def test_the_error_lists_every_problem() -> None:
    error = DefinitionError([PROBLEM, PROBLEM.under("x")], "attribute group `shop` version 2")
    assert isinstance(error, SnowmeltError)
    assert error.problems == [PROBLEM, PROBLEM.under("x")]
    assert str(error).splitlines() == [
        "attribute group `shop` version 2 has 2 problems:",
        "  attributes.0.type: must be numeric",
        "  x.attributes.0.type: must be numeric",
    ]
    assert str(DefinitionError([PROBLEM])).startswith("the definition has 1 problem:")


def test_what_reading_found_is_placed_by_members_only() -> None:
    with pytest.raises(ValidationError) as caught:
        read_group(
            {
                "name": "my-shop",
                "attribute_key": {"name": "k", "property": {"type": "event", "vendor": "v"}},
                "attributes": [
                    {
                        "name": "a",
                        "type": "int",
                        "aggregation": "sum",
                        "property": {
                            "type": "calculated",
                            "operation": "sum",
                            "properties": [{"type": "atomic", "name": "nope"}],
                        },
                        "criteria": {"all": [{"property": {"name": "app_id"}, "operator": "==", "value": {}}]},
                        "period": "soon",
                    }
                ],
            }
        )
    places = {problem.loc for problem in problems_of(caught.value, "body")}
    assert places == {
        ("body", "name"),
        ("body", "attribute_key", "property", "name"),
        ("body", "attribute_key", "property", "major_version"),
        ("body", "attribute_key", "property", "path"),
        ("body", "attributes", 0, "type"),
        ("body", "attributes", 0, "property", "properties", 0, "name"),
        ("body", "attributes", 0, "criteria", "all", 0, "operator"),
        ("body", "attributes", 0, "criteria", "all", 0, "value"),
        ("body", "attributes", 0, "period"),
    }
