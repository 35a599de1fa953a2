"""``snowmelt demo``: a server, the tutorial's definitions, simulated shoppers and a shop to visit, live."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snowmelt.cli.errors import CommandError
from snowmelt.cli.output import on_terminal, print_table, rich_table

if TYPE_CHECKING:
    from snowmelt.demo.offers import Offers
    from snowmelt.demo.page import PageServer
    from snowmelt.demo.shoppers import Shop
    from snowmelt.sdk.client import SignalsSandbox
    from snowmelt.testing import Server

REFRESH_SECONDS = 0.5
PIPED_SECONDS = 5.0
OFFER_SECONDS = 10.0
COLUMNS = ("shopper", "views", "views sent", "carts", "carts sent", "total", "total sent", "offers", "due")
"""They fit into the 80 columns of a terminal."""


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop after some seconds, and check every value that was read.")
    ] = False,
    shoppers: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="How many shoppers.")] = 20,
    seconds: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="How long they shop, with --once.")] = 15.0,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Port of the server, 0 for a free one.")
    ] = 0,
    page_port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Port of the shop's page, 0 for a free one.")
    ] = 0,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", help="Keep the data here.  [default: a folder that is removed]"),
    ] = None,
) -> None:
    """Show it at work: a server, shoppers, and a shop for you.

    The tutorial's three attributes and three rules are published, and shoppers browse through the real Snowplow
    tracker. The table shows for each shopper what was read from the server, each value beside what was sent, and how
    many offers the rules have sent. The shop's page does the same in your browser. Ctrl-C ends it. With --once it
    ends by itself, with exit status 1 if a single value is wrong, or an offer came that was not due, or twice.

    \b
    Example:
      snowmelt demo
      snowmelt demo --once --shoppers 50 --seconds 10
    """
    if find_spec("snowplow_tracker") is None:
        raise CommandError("the demo needs the Snowplow tracker: pip install 'snowmelt[demo]'")

    from snowmelt.demo.offers import Offers
    from snowmelt.demo.shoppers import Shop
    from snowmelt.demo.tutorial import tutorial_group, tutorial_interventions, tutorial_service
    from snowmelt.testing import Server

    with Server(data_dir, port=port) as server:
        signals = server.signals
        signals.publish([tutorial_group(), tutorial_service(), *tutorial_interventions()])
        shop = Shop(server.url, shoppers)
        with _page(server.url, page_port) as page, Offers(signals, shop.shoppers) as offers:
            _introduce(server, shop, page, follow=not once)
            try:
                shop.open()
                _show(signals, shop, offers, time.monotonic() + seconds if once else None)
            finally:
                delivered = shop.close(timeout=20.0 if once else 1.0)
            if not delivered:
                raise CommandError(
                    f"the server acknowledged {shop.acknowledged} of {shop.tracked} events; "
                    f"it logs to {server.log_file}"
                )
            server.flush(20)
            _check(signals, shop, offers)


def _page(server_url: str, port: int) -> AbstractContextManager[PageServer | None]:
    """The shop's page, if it is built."""
    from snowmelt.demo.page import PageServer, built_page, page_config
    from snowmelt.demo.tutorial import tutorial_interventions

    folder = built_page()
    if folder is None:
        return nullcontext()
    return PageServer(folder, page_config(server_url, tutorial_interventions()), port)


def _introduce(server: Server, shop: Shop, page: PageServer | None, *, follow: bool) -> None:
    typer.echo(f"server   {server.url}   API {server.url}/docs/   token {server.token}")
    if page is None:
        typer.echo("shop     no page: it is not built (`make shop` does it in a checkout, with Node)")
    else:
        typer.echo(f"shop     {page.url}")
    if not follow:
        return  # the server is gone before anybody could
    someone = shop.shoppers[0]
    typer.echo(
        f"follow   snowmelt watch ecom_attributes domain_userid {someone.domain_userid} "
        f"--data-dir {server.data_dir}   ({someone.name})"
    )


def _show(signals: SignalsSandbox, shop: Shop, offers: Offers, until: float | None) -> None:
    """Show the shoppers' attributes until a time, or until Ctrl-C."""

    def left(pause: float) -> bool:
        time.sleep(pause if until is None else max(min(pause, until - time.monotonic()), 0))
        return until is None or time.monotonic() < until

    if not on_terminal():
        while left(PIPED_SECONDS):
            typer.echo(f"{shop.acknowledged:,} events acknowledged, {offers.total:,} offers came")
        return
    from rich.live import Live

    with Live(auto_refresh=False, transient=True) as live:
        while left(REFRESH_SECONDS):
            title = f"{shop.acknowledged:,} events acknowledged, {offers.total:,} offers came"
            live.update(rich_table(COLUMNS, _rows(shop, offers, _read(signals, shop)), title), refresh=True)


def _check(signals: SignalsSandbox, shop: Shop, offers: Offers) -> None:
    deadline = time.monotonic() + OFFER_SECONDS
    while offers.disagreeing() and time.monotonic() < deadline:
        time.sleep(0.02)  # values are readable some milliseconds before subscribers are told
    values = _read(signals, shop)
    print_table(COLUMNS, _rows(shop, offers, values))
    wrong = [shopper.name for shopper in shop.shoppers if not shopper.agrees(values[shopper.domain_userid])]
    if wrong:
        raise CommandError(f"what was read differs from what was sent for {len(wrong)} shoppers: {', '.join(wrong)}")
    if surprised := offers.disagreeing():
        names = ", ".join(shopper.name for shopper in surprised)
        raise CommandError(f"other offers than those due, each once, came to {len(surprised)} shoppers: {names}")
    count = len(shop.shoppers)
    typer.echo(f"{shop.tracked:,} events of {count} shoppers: every value that was read is what was sent")
    typer.echo(f"{offers.total:,} offers to {offers.followed} shoppers: each that was due came once, and no other")


def _read(signals: SignalsSandbox, shop: Shop) -> dict[str, dict[str, Any]]:
    from snowmelt.demo.tutorial import NAME

    identifiers = [shopper.domain_userid for shopper in shop.shoppers]
    return signals.get_service_attributes_batch(NAME, "domain_userid", identifiers)


def _rows(shop: Shop, offers: Offers, values: dict[str, dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for shopper in shop.shoppers:
        came = offers.came(shopper)
        read = values[shopper.domain_userid]
        yield (
            shopper.name,
            str(read["count_product_views"] or 0),
            str(shopper.views),
            str(read["count_add_to_cart"] or 0),
            str(shopper.carts),
            f"{read['total_cart_value'] or 0:,.2f}",
            f"{shopper.cents / 100:,.2f}",
            "-" if came is None else str(came.total()),
            str(len(shopper.due())),
        )
