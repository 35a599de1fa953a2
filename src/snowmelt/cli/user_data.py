"""``snowmelt erase`` and ``snowmelt export``: what is held about somebody."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snowmelt.cli.config import DataDirOption, load_settings
from snowmelt.cli.connection import Server, TokenOption, UrlOption, named_server
from snowmelt.cli.errors import CommandError
from snowmelt.cli.output import print_table

if TYPE_CHECKING:
    import httpx

PATH = "/api/v1/user_data"
ANSWER_SECONDS = 120.0
LOOK_SECONDS = 1.0
KINDS = {
    "values": "attribute values, one for each version of a group",
    "event_logs": "event logs of sessions",
    "interventions": "interventions that are remembered as sent",
    "timers": "interventions that wait",
    "deliveries": "interventions that are kept for subscribers",
    "webhook_messages": "messages for webhooks",
    "failed_events": "failed events",
    "log_records": "records of the event log",
}

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="An attribute key, such as domain_userid.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Whose data: the key's value.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def erase(
    key: KeyArgument,
    identifier: IdArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    as_json: JsonOption = False,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to wait until it is done.")] = 600.0,
    data_dir: DataDirOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Erase what a running server holds of a person.

    A person is a user, a session or a value of any other attribute key; one with several identifiers is erased by one
    call for each. The request takes its place among the events: what is acknowledged later counts as that of somebody
    new. The receipt says what is gone, and where copies may be that the server cannot reach. It needs the role admin.

    \b
    Example:
      snowmelt erase user_id ann@example.com --dry-run
      snowmelt erase user_id ann@example.com
    """
    server = named_server(url, token, load_settings(data_dir=data_dir))
    if dry_run:
        held = _asked(server, "GET", key, identifier)
        counts = {kind: len(held[kind]) for kind in KINDS}
        if as_json:
            typer.echo(json.dumps({"would_remove": counts}))
        else:
            _print_counts(counts, f"{key} {identifier}: what would go")
        return
    receipt = _asked(server, "DELETE", key, identifier, wait)
    if as_json:
        typer.echo(json.dumps(receipt, ensure_ascii=False))
        return
    _print_counts(receipt["removed"], f"{key} {identifier}: what is gone")
    for what, count in receipt["left"].items():
        typer.echo(f"left: {count:,} {what}")
    for place in receipt["unreachable"]:
        typer.echo(f"not reached: {place}")
    typer.echo(f"receipt {receipt['id']}, {receipt['finished']}")


def export(
    key: KeyArgument,
    identifier: IdArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there.  [default: print]")
    ] = None,
    data_dir: DataDirOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Print all that a running server holds of a person, as JSON.

    A person is a user, a session or a value of any other attribute key. Printed are attributes, event logs,
    interventions that were sent or wait, failed events, and what the event log still has of requests. It needs the role
    admin.

    \b
    Example:
      snowmelt export user_id ann@example.com --output ann.json
    """
    held = _asked(named_server(url, token, load_settings(data_dir=data_dir)), "GET", key, identifier)
    text = json.dumps(held, indent=2, ensure_ascii=False)
    if output is None:
        typer.echo(text)
        return
    try:
        output.touch(mode=0o600)
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}") from None


def _print_counts(counts: dict[str, int], title: str) -> None:
    print_table(("kind", "number"), [(KINDS.get(kind, kind), f"{count:,}") for kind, count in counts.items()], title)


def _asked(server: Server, method: str, key: str, identifier: str, wait: float = 0.0) -> dict[str, Any]:
    """The answer about somebody; of an erasure as soon as it is done.

    Raises:
        CommandError: the server refuses, or it is not done in time.
    """
    import httpx

    headers = {"Authorization": f"Bearer {server.token}"}
    try:
        with httpx.Client(base_url=server.url, headers=headers, timeout=ANSWER_SECONDS) as http:
            answer = http.request(method, PATH, params={key: identifier})
            if answer.status_code == 504 and method == "DELETE":
                answer = _awaited(http, f"{PATH}/receipts/{answer.json()['id']}", wait)
    except httpx.HTTPError as error:
        raise CommandError(f"no answer from {server.url}: {error}") from None
    if answer.status_code != 200:
        raise CommandError(_reason(answer.status_code, answer.text))
    return dict(answer.json())


def _awaited(http: httpx.Client, receipt: str, seconds: float) -> httpx.Response:
    deadline = time.monotonic() + seconds
    while (answer := http.get(receipt)).status_code == 404:
        if time.monotonic() > deadline:
            raise CommandError(f"it is not done yet, but it will be: ask for {receipt}")
        time.sleep(LOOK_SECONDS)
    return answer


def _reason(status: int, text: str) -> str:
    try:
        return str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {status}: {text[:200]}"
