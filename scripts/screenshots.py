"""Writes the pictures of the shop's page into docs/: a visitor to whom all three offers have come.

``make screenshots`` runs it; it takes a server, the page and the system's Chromium.
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect

from chromium import launched
from snowmelt.demo.page import PageServer, built_page, page_config
from snowmelt.demo.tutorial import tutorial_group, tutorial_interventions, tutorial_service
from snowmelt.testing import Server

DOCS = Path(__file__).resolve().parents[1] / "docs"
LOOKED_AT = ("lantern", "cup", "kettle", "blanket")
BOUGHT = ("kettle", "blanket")


def visit(page: Page, url: str) -> None:
    """Look at four products and put two of them into the cart, waiting for each banner as a person would."""
    page.goto(url)
    for product in LOOKED_AT:
        page.goto(f"{url}#/{product}")
        page.locator("button.main").wait_for()
    expect(page.locator(".banner")).to_have_count(1)
    for number, product in enumerate(BOUGHT, start=2):
        page.goto(f"{url}#/{product}")
        page.get_by_role("button", name="Add to cart").click()
        expect(page.locator(".banner")).to_have_count(number)
    expect(page.locator('[data-attribute="total_cart_value"]')).to_have_text("141")


def take(browser: Browser, url: str, name: str, width: int, height: int) -> None:
    """One picture of a new visitor's page, in the light theme."""
    viewport: ViewportSize = {"width": width, "height": height}
    context = browser.new_context(viewport=viewport, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    visit(page, url)
    page.goto(f"{url}#/")
    page.locator(".products").wait_for()
    page.mouse.move(0, 0)
    page.screenshot(path=DOCS / name)
    context.close()


def main() -> int:
    """The exit status."""
    folder = built_page()
    if folder is None:
        print("there is no page to take pictures of: run `make shop`", file=sys.stderr)
        return 1
    with Server() as server:
        server.signals.publish([tutorial_group(), tutorial_service(), *tutorial_interventions()])
        with PageServer(folder, page_config(server.url, tutorial_interventions())) as page, launched() as browser:
            take(browser, page.url, "shop.png", 1280, 1000)
            take(browser, page.url, "shop-phone.png", 390, 844)
    return 0


if __name__ == "__main__":
    sys.exit(main())
