"""Which server a command talks to: the one on the data folder, or one that was named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from snowmelt.cli.config import existing_data, load_settings
from snowmelt.cli.errors import CommandError

if TYPE_CHECKING:
    from snowmelt.runtimes.data_dir import DataDir
    from snowmelt.sdk.client import SignalsSandbox
    from snowmelt.settings import Settings

UrlOption = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="The server.  [default: the one that runs on the data folder]"),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token", metavar="TOKEN", help="Its sandbox token, or an API key.  [default: as set, else the data folder's]"
    ),
]


class Server(NamedTuple):
    """A server, and what opens it."""

    url: str
    token: str


def connect(url: str | None, token: str | None, data_dir: Path | None) -> SignalsSandbox:
    """A client of the server that the options name; to be closed.

    Raises:
        CommandError: the options do not lead to a server and its token.
    """
    from snowmelt.sdk.client import SignalsSandbox

    server = named_server(url, token, load_settings(data_dir=data_dir))
    return SignalsSandbox(api_url=server.url, sandbox_token=server.token)


def named_server(url: str | None, token: str | None, settings: Settings) -> Server:
    """The server that options and settings name.

    Raises:
        CommandError: they do not lead to one and its token.
    """
    configured = settings.sandbox_token.get_secret_value() if settings.sandbox_token else None
    token = token or configured
    if url is None:
        data = existing_data(settings)
        url = server_url(data)
        token = token or data.sandbox_token(settings)
    if token is None:
        if not settings.data_dir.is_dir():
            raise CommandError(
                f"no token for {url}: give --token, or set SNOWMELT_SANDBOX_TOKEN "
                "(`snowmelt token` prints it where the server runs)"
            )
        token = existing_data(settings).sandbox_token(settings)
    return Server(url, token)


def server_url(data: DataDir) -> str:
    """Where the server on a data folder listens.

    Raises:
        CommandError: none runs there.
    """
    try:
        return data.address.read_text().strip()
    except FileNotFoundError:
        raise CommandError(
            f"no server runs on {data.path}: start one with `snowmelt serve --data-dir {data.path}`, "
            "or name one with --url"
        ) from None
