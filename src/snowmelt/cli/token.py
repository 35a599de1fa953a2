"""``snowmelt token``: the sandbox token, and the API keys of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings
from snowmelt.cli.errors import CommandError
from snowmelt.cli.output import print_table

if TYPE_CHECKING:
    from snowmelt.runtimes.data_dir import DataDir
    from snowmelt.settings import Settings
    from snowmelt.stores.registry import Registry, StoredApiKey

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]

token_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@token_app.callback()
def token(context: typer.Context, data_dir: DataDirOption = None) -> None:
    """Print the sandbox token, or manage API keys.

    Alone it prints the sandbox token, which may do everything: as set, else the data folder's. API keys are for
    everybody else: each has a role, can expire and can be revoked.

    \b
    Example:
      export SNOWMELT_SANDBOX_TOKEN=$(snowmelt token --data-dir ./shop)
    """
    context.obj = data_dir
    if context.invoked_subcommand is not None:
        return
    settings = load_settings(data_dir=data_dir)
    if settings.sandbox_token is not None:
        typer.echo(settings.sandbox_token.get_secret_value())
    else:
        typer.echo(existing_data(settings).sandbox_token(settings))


@token_app.command()
def create(
    context: typer.Context,
    role: Annotated[
        Literal["reader", "writer", "admin"],
        typer.Option(help="A reader reads; a writer also changes definitions; an admin also manages keys."),
    ],
    name: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="A duration such as P90D, or an instant such as 2030-01-31.  [default: never]"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Make an API key, and print it this once.

    A running server takes it at once; none needs to run.

    \b
    Example:
      snowmelt token create --role reader --name "shop front end" --expires P90D
    """
    until = None if expires is None else expiry(expires, datetime.now(UTC))
    with _folder(context, data_dir) as (settings, data, registry):
        new = registry.api_keys.create(role, name=name, expires_at=until)
        organization = registry.api_keys.organization()
        url = _url(settings, data)
    if as_json:
        secret = {"key": new.key, "organization_id": organization, "api_url": url}
        typer.echo(json.dumps(_members(new.stored) | secret, ensure_ascii=False))
        return
    stored = new.stored
    typer.echo(f"key id        {stored.id}")
    typer.echo(f"key           {new.key}")
    typer.echo(f"organization  {organization}")
    typer.echo(f"role          {stored.role}")
    typer.echo(f"expires       {_instant(stored.expires_at, 'never')}")
    typer.echo(
        "\nKeep the key now: only a digest of it is stored, so it is never shown again.\n"
        "\nSnowmelt's client, which fetches and renews tokens by itself:\n"
        f'  Signals(api_url="{url}", api_key="{new.key}",\n'
        f'          api_key_id="{stored.id}", org_id="{organization}")\n'
        "\nClients that take a token, such as SignalsSandbox(api_url=..., sandbox_token=...), take the key itself.\n"
        "A token that lives a day is fetched with\n"
        f"  curl {url}/api/msc/v1/organizations/{organization}/credentials/v3/token \\\n"
        f'    -H "X-API-Key-Id: {stored.id}" -H "X-API-Key: {new.key}"'
    )


@token_app.command("list")
def list_keys(context: typer.Context, as_json: JsonOption = False, data_dir: DataDirOption = None) -> None:
    """List all API keys, never the keys themselves.

    Last used is exact to ten minutes.

    \b
    Example:
      snowmelt token list
    """
    with _folder(context, data_dir) as (_, _, registry):
        keys = registry.api_keys.all()
    if as_json:
        for key in keys:
            typer.echo(json.dumps(_members(key), ensure_ascii=False))
        return
    rows = [
        (
            key.id,
            key.name,
            key.role,
            _instant(key.created_at, "-"),
            _instant(key.last_used_at, "-"),
            _instant(key.expires_at, "never"),
            _instant(key.revoked_at, "-"),
        )
        for key in keys
    ]
    print_table(("id", "name", "role", "created", "last used", "expires", "revoked"), rows, f"{len(rows)} API keys")


@token_app.command()
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id.")],
    data_dir: DataDirOption = None,
) -> None:
    """Revoke an API key, and every token that was fetched with it.

    A running server refuses both from its next request on.

    \b
    Example:
      snowmelt token revoke 0b9c5d0e-3f0c-4f6a-9a57-0d5a0a1b2c3d
    """
    from snowmelt.stores.registry import NotFound

    with _folder(context, data_dir) as (_, _, registry):
        try:
            revoked = registry.api_keys.revoke(key_id)
        except NotFound:
            raise CommandError(f"there is no API key {key_id}: `snowmelt token list` shows the ids") from None
    typer.echo(f"API key {revoked.id} is revoked since {_instant(revoked.revoked_at, '-')}")


def expiry(text: str, now: datetime) -> datetime:
    """The instant that ``--expires`` names; days without an offset begin at midnight UTC.

    Args:
        text: an ISO 8601 duration from now, or a date, or an instant.
        now: the present.

    Raises:
        CommandError: it is none of these.

    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> expiry("P31D", now) == expiry("2026-02-01", now) == expiry("2026-02-01T01:00:00+01:00", now)
    True
    """
    from snowmelt.definitions.duration import parse_duration

    try:
        if text.startswith(("P", "p")):
            return now + parse_duration(text.upper())
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise CommandError(
            f"--expires {text} is neither a duration such as P90D nor an instant such as 2030-01-31T12:00:00Z"
        ) from None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


@contextmanager
def _folder(context: typer.Context, data_dir: Path | None) -> Iterator[tuple[Settings, DataDir, Registry]]:
    """The data folder of the command, or of the group before it, and its registry."""
    from snowmelt.stores.registry import Registry

    settings = load_settings(data_dir=data_dir or context.obj)
    data = existing_data(settings)
    with Registry.open(data.registry) as registry:
        yield settings, data, registry


def _url(settings: Settings, data: DataDir) -> str:
    """Where the folder's server listens, or will."""
    try:
        return data.address.read_text().strip()
    except FileNotFoundError:
        return f"http://{settings.host}:{settings.port}"


def _members(key: StoredApiKey) -> dict[str, Any]:
    """A key as JSON, without its digest."""
    instants = {
        name: _instant(getattr(key, name), None) for name in ("created_at", "last_used_at", "expires_at", "revoked_at")
    }
    return {"id": key.id, "name": key.name, "role": key.role, **instants}


def _instant(instant: datetime | None, absent: Any) -> Any:
    return absent if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
