"""The tutorial, word for word, with all three clients against a real server and a real tracker."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import pytest

from snowmelt import (
    AsyncSignalsSandbox,
    Attribute,
    Service,
    SignalsNotFoundError,
    StreamAttributeGroup,
    domain_userid,
)

pytestmark = pytest.mark.process

SOON = 20.0
PUBLISHED = {"published": ["ecom_attributes", "ecom_attributes"]}
NAMES = ("count_product_views", "count_add_to_cart", "total_cart_value")


def visit(browser: Any) -> dict[str, Any]:
    """Some actions in the shop, and what the tutorial's attributes must then be."""
    for _ in range(3):
        browser.does("product_view", [19.99])
    browser.does("add_to_cart", [10.5])
    browser.does("add_to_cart", [20.25, 99.0])
    browser.does("remove_from_cart", [10.5])
    browser.arrives()
    return dict(zip(NAMES, (3, 2, 30.75), strict=True))


def read_until(reader: Any, identifier: str, expected: Any) -> Any:
    """What the script reads, as soon as it is what is expected, or at last."""
    deadline = time.monotonic() + SOON
    while True:
        reader.tell(identifier)
        values = reader.hear()
        if values == expected or time.monotonic() > deadline:
            return values


def test_the_tutorial_works_word_for_word(running: Any, shopper: Any) -> None:
    visitor, stranger = str(uuid4()), str(uuid4())
    with running("tutorial.py") as reader:
        assert reader.hear() == PUBLISHED
        expected = visit(shopper(visitor))
        values = read_until(reader, visitor, expected)
        assert values == expected
        assert [type(values[name]) for name in NAMES] == [int, int, float]
        reader.tell(stranger)
        assert reader.hear() == dict.fromkeys(NAMES)


def test_a_definition_is_the_same_whichever_client_publishes_it(
    running_with: Any, sdk_named: Any, shopper: Any
) -> None:
    visitor = str(uuid4())
    with running_with(sdk_named("snowmelt"), "tutorial.py") as first:
        assert first.hear() == PUBLISHED
        expected = visit(shopper(visitor))
        assert read_until(first, visitor, expected) == expected
    # Publishing again what is published changes nothing, so the counts stay.
    for name in ("vendor", "compat", "vendor"):
        with running_with(sdk_named(name), "tutorial.py") as again:
            assert again.hear() == PUBLISHED
            again.tell(visitor)
            assert again.hear() == expected


def test_the_asynchronous_client_does_the_same(server: Any) -> None:
    group = StreamAttributeGroup(
        name="asynchronous",
        attribute_key=domain_userid,
        attributes=[Attribute(name="events", type="int32", aggregation="counter")],
        owner="user@company.com",
    )
    service = Service(name="asynchronous", attribute_groups=[group], owner="user@company.com")

    async def use() -> None:
        async with AsyncSignalsSandbox(api_url=server.url, sandbox_token=server.token) as signals:
            await signals.publish([group, service])
            assert (await signals.get_attribute_group("asynchronous")).is_published
            visitors = [str(uuid4()) for _ in range(3)]
            rows = await signals.get_service_attributes_batch(service.name, "domain_userid", visitors)
            assert rows == {visitor: {"events": None} for visitor in visitors}
            with pytest.raises(SignalsNotFoundError):
                await signals.get_service_attributes("nothing", "domain_userid", visitors[0])
            await signals.unpublish([service])
            await signals.delete([service])
            await signals.unpublish([group])
            await signals.delete([group])

    asyncio.run(use())
