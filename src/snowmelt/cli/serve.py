"""``snowmelt serve``: the whole server on one port."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from snowmelt.cli.config import DataDirOption, load_settings

if TYPE_CHECKING:
    from snowmelt.settings import Settings


def serve(
    data_dir: DataDirOption = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Address to listen on.  [default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Port to listen on, 0 for a free one.  [default: 8080]"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=64, help="Web processes, beside the engine's one.  [default: 1]"),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate in PEM, with its chain: speak HTTPS only.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key in PEM, without a password.")] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        typer.Option(help="The least important messages to log, on standard error.  [default: info]"),
    ] = None,
    until_eof: Annotated[
        bool,
        typer.Option("--until-eof", help="Also stop when standard input ends: when whoever started it is gone."),
    ] = False,
) -> None:
    """Run a server: collector, engine and API on one port.

    Trackers send to the address in the ready line, clients read from it, and its /docs/ describes the API.
    Everything is kept in the data folder. Ctrl-C stops it; nothing that was acknowledged is lost.

    \b
    Example:
      snowmelt serve --data-dir ./shop --port 8080
    """
    settings = load_settings(
        data_dir=data_dir,
        host=host,
        port=port,
        workers=workers,
        tls_cert=tls_cert,
        tls_key=tls_key,
        log_level=log_level,
    )

    from snowmelt.runtimes.logs import configure_logs
    from snowmelt.runtimes.supervisor import Supervisor

    configure_logs(settings.log_level, settings.log_format)
    supervisor = Supervisor(
        settings, lambda url, token: typer.echo(ready_line(settings, url, token)), until_eof=until_eof
    )
    raise typer.Exit(supervisor.run())


def ready_line(settings: Settings, url: str, token: str) -> str:
    """What tells that the server answers; it names the token only if nobody chose it.

    >>> from snowmelt.settings import Settings
    >>> ready_line(Settings(data_dir="/d", sandbox_token="secret"), "http://localhost:8080", "secret")
    'Snowmelt is ready at http://localhost:8080 - API: http://localhost:8080/docs/ - data: /d - token: as set'
    """
    folder = settings.data_dir.absolute()
    said = "as set" if settings.sandbox_token else f"{token} (again: snowmelt token --data-dir {folder})"
    return f"Snowmelt is ready at {url} - API: {url}/docs/ - data: {folder} - token: {said}"
