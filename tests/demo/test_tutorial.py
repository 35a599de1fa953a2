"""The tutorial's definitions are publishable, and mean what the tutorial says."""

from snowmelt.compute.plan import plan_group
from snowmelt.compute.program import Program
from snowmelt.definitions.rules import check_group, check_service
from snowmelt.demo.tutorial import ECOMMERCE, NAME, tutorial_group, tutorial_service


def test_the_registry_would_take_them() -> None:
    group = tutorial_group().model_copy(update={"is_published": True})
    assert check_group(group) == []
    service = tutorial_service().model_copy(update={"is_published": True})
    assert check_service(service, {(NAME, 1): True}) == []


def test_each_call_gives_definitions_of_its_own() -> None:
    tutorial_group().attributes.clear()
    assert tutorial_group().column_names() == ("count_product_views", "count_add_to_cart", "total_cart_value")


def test_only_the_action_is_looked_at() -> None:
    program = Program([plan_group(tutorial_group(), state_id=1)])
    assert "total_cart_value" in program.source("snowplow_ecommerce_action")
    assert program.source("page_view") == ""
    assert ECOMMERCE.replace(".", "_") in program.source("snowplow_ecommerce_action")
