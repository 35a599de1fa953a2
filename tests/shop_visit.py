"""A visitor of the demo's shop, as tests see one."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from playwright.sync_api import Page, Response, expect

from conftest import Server, eventually
from snowmelt import AttributeKeyIdentifiers, InterventionInstance

# As long as `eventually`: machines that run tests are busy.
expect.set_options(timeout=20_000)


@dataclass(frozen=True)
class Opened:
    """The demo's shop, without its simulated shoppers.

    Args:
        server: Of collector, API and stream.
        url: Of the page.
    """

    server: Server
    url: str


class Visit:
    """One visitor: a browser without a past.

    Args:
        page: Of the visitor.
        opened: The shop.
    """

    def __init__(self, page: Page, opened: Opened) -> None:
        self.page, self.opened = page, opened
        self.responses: list[Response] = []
        self.complaints: list[str] = []
        page.on("response", lambda response: self.responses.append(response))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        page.goto(opened.url)
        self.wait_for_stream()

    def wait_for_stream(self) -> None:
        """Return once the server has taken the page's subscription: what it sends from then on is received."""
        eventually(lambda: self.pump() or self.streams(), "the page subscribes")

    def pump(self) -> None:
        """Let Playwright take what the browser tells."""
        self.page.evaluate("0")

    def streams(self) -> list[Response]:
        return [one for one in self.responses if urlsplit(one.url).path == "/api/v1/interventions"]

    @property
    def domain_userid(self) -> str:
        (identifier,) = parse_qs(urlsplit(self.streams()[-1].url).query)["domain_userid"]
        return identifier

    def look_at(self, *products: str) -> None:
        for product in products:
            self.page.evaluate("hash => { location.hash = hash }", f"#/{product}")
            self.page.locator(f'main[data-product="{product}"] h1').wait_for()

    def add(self, product: str) -> None:
        self.look_at(product)
        self.page.get_by_role("button", name="Add to cart").click()

    def sees(self, **values: str) -> None:
        """Wait until attributes are shown."""
        for name, value in values.items():
            expect(self.page.locator(f'[data-attribute="{name}"]')).to_have_text(value)

    def banners(self, *names: str) -> None:
        """Wait until these are the banners, the newest first, and be sure that no other was on its way.

        A stream is in order: what was sent before a push of our own is there once that push is.
        """
        mark = f"mark_{uuid4().hex[:8]}"
        self.opened.server.flush()
        for name in names:
            self.page.locator(f'.banner[data-intervention="{name}"]').first.wait_for(state="attached")
        push = self.opened.server.signals.push_intervention
        targets = AttributeKeyIdentifiers({"domain_userid": [self.domain_userid]})
        assert push(targets, InterventionInstance(name=mark, version=1)) == "success"
        marker = self.page.locator(f'.banner[data-intervention="{mark}"]')
        marker.get_by_role("button").click()
        shown = self.page.locator(".banner").evaluate_all("all => all.map(one => one.dataset.intervention)")
        assert shown == list(names)
