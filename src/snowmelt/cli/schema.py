"""``snowmelt schema``: the schemas of one's own events and entities."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings
from snowmelt.cli.errors import FAILED, CommandError, warn
from snowmelt.cli.output import print_table

if TYPE_CHECKING:
    from snowmelt.events.schema_key import SchemaKey
    from snowmelt.iglu.local import LocalRegistry
    from snowmelt.iglu.schema import Schema

schema_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Keep schemas in the data folder, and hold data against them.",
)

FilesArgument = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Schemas, or folders with schemas at any depth; - is standard input."),
]


@schema_app.command("add")
def add_schemas(
    files: FilesArgument,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put them in the place of others of the same version.")
    ] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Add schemas to the registry of the data folder.

    Each says itself what it describes. A server that runs judges by them from the next second on. Nothing is added if
    one of them cannot be used.

    \b
    Example:
      snowmelt schema add schemas/com.acme/order/jsonschema/1-0-0
      snowmelt failed replay --reason iglu:com.acme/order/
    """
    from snowmelt.iglu.local import SchemaExists

    registry = _registry(data_dir)
    read = list(_read_all(files))
    if not read:
        raise CommandError("there is no file in what was named")
    _report_problems(read)
    status = 0
    for _, schema in read:
        assert not isinstance(schema, str)
        try:
            outcome = registry.add(schema, replace=replace)
        except SchemaExists as error:
            warn(str(error))
            status = FAILED
            continue
        except OSError as error:
            raise CommandError(f"{schema.key.uri} cannot be kept in {registry.path}: {error}") from error
        typer.echo(f"{outcome}\t{schema.key.uri}")
    if status:
        raise typer.Exit(status)


@schema_app.command("list")
def list_schemas(
    vendor: Annotated[str | None, typer.Option(metavar="VENDOR", help="Only of this vendor.")] = None,
    standard: Annotated[bool, typer.Option("--standard", help="Those that come with Snowmelt, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """List the schemas of the data folder.

    \b
    Example:
      snowmelt schema list --vendor com.acme
    """
    from snowmelt.iglu.configuration import STANDARD
    from snowmelt.iglu.folder import SchemaFolder
    from snowmelt.iglu.repository import Place

    folders: list[SchemaFolder] = [_registry(data_dir)]
    if standard:
        folders.append(SchemaFolder(STANDARD, Place("standard")))
    rows = [
        (folder.place.name, key) for folder in folders for key in folder.schema_keys() if vendor in (None, key.vendor)
    ]
    if as_json:
        for name, key in rows:
            typer.echo(json.dumps({"registry": name, "schema": key.uri}))
        return
    print_table(("registry", "schema"), [(name, key.uri) for name, key in rows], f"{len(rows)} schemas")


@schema_app.command("show")
def show_schema(
    uri: Annotated[str, typer.Argument(metavar="URI", help="Such as iglu:com.acme/order/jsonschema/1-0-0.")],
    data_dir: DataDirOption = None,
) -> None:
    """Print a schema, from wherever the server has it.

    \b
    Example:
      snowmelt schema show iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0
    """
    typer.echo(_found(uri, data_dir).text.decode("utf-8", "replace").rstrip("\n"))


@schema_app.command("validate")
def validate(files: FilesArgument, data_dir: DataDirOption = None) -> None:
    """Check schemas, and data against its schema.

    A file that has "self" is a schema, and checked for whether it can be used; one that has "schema" and "data" is
    data, and its schema is looked for where the server would. The exit status is 1 if anything is wrong.

    \b
    Example:
      snowmelt schema validate order.json schemas/
    """
    wrong = 0
    for file, text in _texts(files):
        problems = list(_problems(text, data_dir))
        wrong += bool(problems)
        typer.echo(f"{file}: {'; '.join(problems) or 'valid'}")
    if wrong:
        raise typer.Exit(FAILED)


def _problems(text: bytes, data_dir: Path | None) -> Iterator[str]:
    from snowmelt.events.json_text import NotJsonError, parse_json
    from snowmelt.iglu.schema import Schema, UnusableSchema

    try:
        value = parse_json(text)
    except NotJsonError as error:
        yield f"it is not JSON: {error}"
        return
    if isinstance(value, dict) and isinstance(value.get("schema"), str) and "data" in value:
        try:
            compiled = _found(value["schema"], data_dir).compiled
        except (CommandError, UnusableSchema) as error:
            yield str(error)
            return
        for report in compiled.reports(value["data"]):
            yield f"{report['path']}: {report['message']}"
        return
    try:
        _ = Schema.parse(text).compiled
    except UnusableSchema as error:
        yield from error.problems


def _registry(data_dir: Path | None) -> LocalRegistry:
    from snowmelt.iglu.local import LocalRegistry

    return LocalRegistry(existing_data(load_settings(data_dir=data_dir)).schemas)


def _found(uri: str, data_dir: Path | None) -> Schema:
    """The schema of a URI, from wherever the settings say."""
    from snowmelt.events.errors import SchemaUriError
    from snowmelt.events.schema_key import SchemaKey
    from snowmelt.iglu.configuration import build_resolver
    from snowmelt.iglu.local import LocalRegistry
    from snowmelt.runtimes.data_dir import SCHEMAS

    settings = load_settings(data_dir=data_dir)
    try:
        key: SchemaKey = SchemaKey.parse(uri)
    except SchemaUriError as error:
        raise CommandError(str(error)) from None
    resolution = build_resolver(settings.schemas, LocalRegistry(settings.data_dir.absolute() / SCHEMAS)).resolve(key)
    if resolution.schema is None:
        asked = "; ".join(f"{name}: {absence.message}" for name, absence in resolution.absences)
        raise CommandError(f"there is no schema {uri} ({asked}): add it with `snowmelt schema add`")
    return resolution.schema


def _texts(files: list[Path]) -> Iterator[tuple[str, bytes]]:
    for path in files:
        if str(path) == "-":
            yield "-", typer.get_binary_stream("stdin").read()
            continue
        inside = sorted(Path(folder, name) for folder, _, names in os.walk(path) for name in names)
        for file in inside if path.is_dir() else [path]:
            try:
                yield str(file), file.read_bytes()
            except OSError as error:
                raise CommandError(f"{file} cannot be read: {error.strerror}") from error


def _read_all(files: list[Path]) -> Iterator[tuple[str, Schema | str]]:
    """Name of each file, with its schema or why it is none."""
    from snowmelt.iglu.schema import Schema, UnusableSchema

    for file, text in _texts(files):
        try:
            schema = Schema.parse(text)
            _ = schema.compiled
            yield file, schema
        except UnusableSchema as error:
            yield file, str(error)


def _report_problems(read: list[tuple[str, Schema | str]]) -> None:
    problems = [f"  {file}: {schema}" for file, schema in read if isinstance(schema, str)]
    if problems:
        raise CommandError("\n".join(["nothing was added, because some of it cannot be used:", *problems]))
