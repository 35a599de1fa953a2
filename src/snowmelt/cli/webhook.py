"""``snowmelt webhook``: the endpoints that interventions are posted to."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings
from snowmelt.cli.errors import CommandError
from snowmelt.cli.output import print_table

if TYPE_CHECKING:
    from snowmelt.settings import Settings
    from snowmelt.stores.webhooks import Endpoint, Webhooks
    from snowmelt.webhooks.attempt import Outcome

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Of the webhook.")]

webhook_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Manage webhooks, to which interventions are posted.",
)


@webhook_app.command()
def add(
    name: NameArgument,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to post to; https://...")],
    intervention: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this intervention; may be given several times.  [default: all]"),
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, max=60, help="How long one attempt may take.")
    ] = 15.0,
    secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Sign with the secret in this file (whsec_...).  [default: make one and print it]"
        ),
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Add a webhook: it gets every intervention that is sent from now on.

    A running server begins within two seconds; none needs to run. A secret that was made is printed this once.

    \b
    Example:
      snowmelt webhook add crm https://crm.example.com/hooks/snowmelt --intervention discount
    """
    from snowmelt.webhooks.guard import ForbiddenUrl, check_url

    if NAME.fullmatch(name) is None:
        raise CommandError(f"{name} is no name for a webhook: letters, digits, _, . and -, at most 64, make one")
    given = None if secret_file is None else _secret(secret_file)
    with _webhooks(data_dir) as (settings, webhooks):
        try:
            check_url(url, settings.webhooks.allow_private)
        except ForbiddenUrl as error:
            raise CommandError(f"the webhook {name} cannot be added: {error}") from error
        names = tuple(dict.fromkeys(intervention or ()))
        added = webhooks.add(name, url, interventions=names, timeout=timeout, secret=given)
    typer.echo(f"webhook  {name}")
    if given is None:
        typer.echo(f"secret   {added.secret}\n\nKeep the secret now: it is never shown again.")
    typer.echo(f"\nTry it:\n  snowmelt webhook test {name}")


@webhook_app.command("list")
def list_webhooks(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """List webhooks, without their secrets, and what has become of what was sent to them.

    \b
    Example:
      snowmelt webhook list
    """
    with _webhooks(data_dir) as (_, webhooks):
        counts = {one.name: one for one in webhooks.counts()}
        endpoints = [one for one in webhooks.endpoints() if one.name in counts]
    if as_json:
        for one in endpoints:
            about = {
                "name": one.name,
                "url": one.url,
                "interventions": one.interventions,
                "timeout": one.timeout,
                "disabled": one.disabled,
            }
            typer.echo(json.dumps(about | counts[one.name]._asdict(), ensure_ascii=False))
        return
    columns = ("name", "url", "interventions", "state", "delivered", "waiting", "dead")
    rows = [
        (
            one.name,
            one.url,
            ", ".join(one.interventions) or "all",
            f"disabled: {one.disabled}" if one.disabled else "active",
            str(counts[one.name].delivered),
            str(counts[one.name].waiting),
            str(counts[one.name].dead_now),
        )
        for one in endpoints
    ]
    print_table(columns, rows, f"{len(rows)} webhooks")


@webhook_app.command()
def remove(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Remove a webhook with all that waits for it, and all that was given up.

    \b
    Example:
      snowmelt webhook remove crm
    """
    with _webhooks(data_dir) as (_, webhooks):
        if not webhooks.remove(name):
            raise _unknown(name)
    typer.echo(f"removed the webhook {name}")


@webhook_app.command()
def enable(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Send to a webhook again that was disabled because its endpoint answered 410.

    It gets what is sent from now on; `snowmelt failed resend` sends single messages again.

    \b
    Example:
      snowmelt webhook enable crm
    """
    with _webhooks(data_dir) as (_, webhooks):
        if not webhooks.enable(name):
            raise _unknown(name)
    typer.echo(f"enabled the webhook {name}")


@webhook_app.command()
def test(name: NameArgument, data_dir: DataDirOption = None) -> None:
    """Post one signed message of the type "test" now, and say what the endpoint answers.

    \b
    Example:
      snowmelt webhook test crm
    """
    with _webhooks(data_dir) as (settings, webhooks):
        endpoint = webhooks.get(name)
    if endpoint is None:
        raise _unknown(name)
    started = time.monotonic()
    outcome = asyncio.run(_post_test(endpoint, settings.webhooks.allow_private))
    if not outcome.taken:
        raise CommandError(f"the webhook {name} did not take the message: {outcome.reason}")
    typer.echo(f"{outcome.reason} after {(time.monotonic() - started) * 1000:.0f} ms")


async def _post_test(endpoint: Endpoint, allow_private: bool) -> Outcome:
    from snowmelt.webhooks.attempt import Sender

    body = json.dumps({"type": "test", "timestamp": _now(), "data": {"webhook": endpoint.name}}).encode()
    async with Sender(allow_private) as sender:
        return await sender.send(endpoint, str(uuid4()), body)


@contextmanager
def _webhooks(data_dir: Path | None) -> Iterator[tuple[Settings, Webhooks]]:
    from snowmelt.stores.webhooks import Webhooks

    settings = load_settings(data_dir=data_dir)
    webhooks = Webhooks(existing_data(settings).webhooks)
    try:
        yield settings, webhooks
    finally:
        webhooks.close()


def _secret(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"the secret in {path} cannot be read: {error}") from error


def _unknown(name: str) -> CommandError:
    return CommandError(f"there is no webhook {name}: `snowmelt webhook list` shows those that there are")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
