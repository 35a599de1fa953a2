"""A visitor of the demo's shop in Chromium: real tracker, real plugins, and a server that is another origin."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from conftest import eventually
from shop_visit import Opened, Visit
from snowmelt import (
    Attribute,
    AttributeKeyIdentifiers,
    EntityProperty,
    Event,
    InterventionInstance,
    StreamAttributeGroup,
    domain_userid,
)
from snowmelt.stores.failed_events import FailedEvents

pytestmark = pytest.mark.process

SIGNALS = "com.snowplowanalytics.signals"
SHOP = Path(__file__).resolve().parents[2] / "shop"
RULES = ["discount", "cart_abandonment", "free_shipping"]


@pytest.fixture
def visit(browser: Browser, opened: Opened) -> Iterator[Visit]:
    """Somebody who has just come; nothing may go wrong in the browser's eyes."""
    context = browser.new_context()
    someone = Visit(context.new_page(), opened)
    yield someone
    context.close()
    assert someone.complaints == []


def test_each_rule_brings_its_banner_once(visit: Visit) -> None:
    visit.sees(count_product_views="0")
    visit.look_at("lantern", "cup", "kettle")
    visit.sees(count_product_views="3")
    visit.banners()
    visit.look_at("compass")
    visit.banners("discount")
    visit.add("lamp")
    visit.banners("cart_abandonment", "discount")
    visit.sees(count_add_to_cart="1", total_cart_value="68")
    visit.add("kettle")
    visit.banners("free_shipping", "cart_abandonment", "discount")
    visit.add("tent")
    visit.sees(count_product_views="7", count_add_to_cart="3", total_cart_value="309")
    visit.banners("free_shipping", "cart_abandonment", "discount")
    expect(visit.page.locator(".total")).to_have_text("Total€278.10")
    why = visit.page.locator('.banner[data-intervention="discount"] code')
    expect(why).to_have_text("count_product_views 4 > 3")


def test_a_reload_repeats_nothing_and_forgets_nothing(visit: Visit) -> None:
    visit.add("lamp")
    visit.banners("cart_abandonment")
    before = visit.domain_userid
    visit.responses.clear()
    visit.page.reload()
    visit.wait_for_stream()
    assert visit.domain_userid == before
    visit.sees(count_product_views="2", count_add_to_cart="1", total_cart_value="68")
    visit.banners()
    expect(visit.page.locator("#cart .line-name")).to_have_text("Desk lamp")
    expect(visit.page.locator(".status.done")).to_have_count(1)
    visit.look_at("lantern")
    visit.sees(count_product_views="3")
    # The very first event of a loaded page fires: the page is subscribed before it tracks.
    visit.page.evaluate("hash => history.replaceState(null, '', hash)", "#/cup")
    visit.responses.clear()
    order: list[str] = []
    visit.page.on("response", lambda one: order.append(f"got {urlsplit(one.url).path}"))
    visit.page.on("request", lambda one: order.append(f"sent {urlsplit(one.url).path}"))
    visit.page.reload()
    visit.wait_for_stream()
    visit.banners("discount")
    loaded = order[order.index("got /config.json") :]
    assert loaded.index("got /api/v1/interventions") < loaded.index("sent /com.snowplowanalytics.snowplow/tp2")


def test_a_new_visitor_starts_afresh(visit: Visit) -> None:
    visit.look_at("lantern", "cup", "kettle")
    visit.add("tent")
    visit.page.locator('.banner[data-intervention="free_shipping"]').wait_for()
    before = visit.domain_userid
    visit.responses.clear()
    visit.page.get_by_role("button", name="New visitor").click()
    visit.wait_for_stream()
    assert visit.domain_userid != before
    visit.sees(count_product_views="0", count_add_to_cart="0", total_cart_value="0")
    visit.banners()
    expect(visit.page.locator("#cart")).to_contain_text("Nothing in it yet.")
    visit.look_at("lantern", "cup", "kettle", "compass")
    visit.banners("discount")


def test_who_signs_in_is_sent_each_offer_once_although_two_targets_are_theirs(visit: Visit) -> None:
    visit.responses.clear()
    visit.page.get_by_role("button", name="Sign in").click()
    visit.wait_for_stream()
    (user,) = parse_qs(urlsplit(visit.streams()[-1].url).query)["user_id"]
    visit.add("tent")
    visit.banners("free_shipping", "cart_abandonment")
    push = visit.opened.server.signals.push_intervention
    assert (
        push(AttributeKeyIdentifiers({"user_id": [user]}), InterventionInstance(name="hello", version=1)) == "success"
    )
    visit.page.locator('.banner[data-intervention="hello"]').wait_for()


def test_the_plugin_tells_what_became_of_them_in_good_events(visit: Visit) -> None:
    server = visit.opened.server
    instance = EntityProperty(vendor=SIGNALS, name="intervention_instance", major_version=1, path="name")
    told = StreamAttributeGroup(
        name="told",
        attribute_key=domain_userid,
        owner="shop@example.com",
        attributes=[
            Attribute(
                name=name,
                type="string_list",
                aggregation="unique_list",
                events=[Event(vendor=SIGNALS, name=f"intervention_{name}", version="1-0-0")],
                property=instance,
            )
            for name in ("receive", "handle", "handle_error")
        ],
    )
    server.signals.publish([told])
    visit.look_at("lantern", "cup", "kettle")
    visit.add("tent")
    for rule in RULES:
        visit.page.locator(f'.banner[data-intervention="{rule}"]').wait_for()

    def values() -> dict[str, Any]:
        return server.profile(told, visit.domain_userid)

    eventually(lambda: len(values()["handle"] or []) == 3, "the handled interventions are counted")
    read = values()
    assert sorted(read["receive"]) == sorted(read["handle"]) == sorted(RULES)
    assert read["handle_error"] is None
    failed = FailedEvents(server.data_dir / "failed.sqlite")
    assert failed.counts() == {}
    failed.close()


def test_tracker_stream_and_reads_cross_origins(visit: Visit) -> None:
    visit.look_at("lantern")
    visit.sees(count_product_views="1")
    origin = visit.opened.url.rstrip("/")
    assert urlsplit(origin).port != urlsplit(visit.opened.server.url).port
    allowed = {
        (one.request.method, urlsplit(one.url).path): one.headers.get("access-control-allow-origin")
        for one in visit.responses
        if one.url.startswith(visit.opened.server.url)
    }
    assert allowed["POST", "/com.snowplowanalytics.snowplow/tp2"] == origin
    assert allowed["GET", "/api/v1/interventions"] == "*"
    assert allowed["POST", "/api/v1/get-online-attributes"] == "*"
    assert not any(one.request.headers.get("authorization") for one in visit.responses)
    hosts = {urlsplit(one.url).netloc for one in visit.responses}
    assert hosts == {urlsplit(url).netloc for url in (origin, visit.opened.server.url)}


def test_it_can_be_used_by_keyboard_and_every_control_has_a_name(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Firn")).to_be_focused()
    page.get_by_role("link", name="Enamel cup").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Enamel cup")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".count")).to_have_text("1")
    visit.banners("cart_abandonment")
    for control in page.locator("a, button").all():
        name = control.evaluate("one => (one.getAttribute('aria-label') ?? one.innerText).trim()")
        assert name, control.evaluate("one => one.outerHTML")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_anybody_out(browser: Browser, opened: Opened, theme: Literal["light", "dark"]) -> None:
    """Contrast, names, roles and the rest of what axe can judge."""
    axe = SHOP / "node_modules" / "axe-core" / "axe.min.js"
    assert axe.is_file(), "install the page's packages: `npm ci` in shop/"
    # The page's own policy would keep out the judge too; animations would be judged half-way.
    context = browser.new_context(bypass_csp=True, color_scheme=theme, reduced_motion="reduce")
    someone = Visit(context.new_page(), opened)
    someone.add("tent")
    someone.banners("free_shipping", "cart_abandonment")
    someone.page.evaluate(axe.read_text())
    for product in ("lamp", ""):
        someone.look_at(product)
        found = someone.page.evaluate("axe.run()")
        assert len(found["passes"]) > 10
        assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    context.close()


def test_it_fits_a_phone(browser: Browser, opened: Opened) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    someone = Visit(context.new_page(), opened)
    someone.add("tent")
    someone.banners("free_shipping", "cart_abandonment")
    assert someone.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert someone.page.locator(".banner:visible").count() == 1
    context.close()
