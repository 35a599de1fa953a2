"""``snowmelt explain``: how a group is computed, and what an event does to it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from snowmelt.cli.config import DataDirOption, existing_data, load_settings
from snowmelt.cli.errors import FAILED, CommandError, warn

if TYPE_CHECKING:
    from snowmelt.compute.plan import GroupPlan
    from snowmelt.definitions import AttributeGroup
    from snowmelt.enrichment.pipeline import Enricher


def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="GROUP[:ATTRIBUTE]",
            help="A group (its highest version) or group_vN, or one attribute of it.",
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Take the group from a file of definitions instead; a Python file is executed."
        ),
    ] = None,
    event: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Say what the events in a file update, and why not; - is standard input."),
    ] = None,
    line_format: Annotated[
        Literal["enriched-tsv", "enriched-json", "payload"] | None,
        typer.Option("--format", help="What each line of the event file is.  [default: as its first line looks]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line for each event.")] = False,
    data_dir: DataDirOption = None,
) -> None:
    """Print what a group is compiled to, or does with an event.

    Without --event: first what is read of each event; everything else is skipped unread. Then the Python that
    runs for each kind of event that the group names.

    With --event: for each event, which attributes it updates, with which value, and why it does not update the
    others. The file is one that ingest takes. Nothing is stored. An event is judged as at its arrival, which is
    the time that its collector noted.

    \b
    Example:
      snowmelt explain ecom_attributes
      snowmelt explain ecom_attributes_v2:total_cart_value --file shop.py
      snowmelt explain ecom_attributes --event enriched.tsv
    """
    if event is None and (as_json or line_format):
        raise CommandError(f"{'--json' if as_json else '--format'} is about events: name a file with --event")
    wanted, _, attribute = name.partition(":")
    groups = _groups_in_file(file) if file else _registered_groups(data_dir)
    group = _chosen(groups, wanted)
    if attribute:
        group = _narrowed(group, attribute)

    from snowmelt.compute.plan import plan_group

    plan = plan_group(group, state_id=1)
    if event is None:
        typer.echo("\n".join(explanation(plan)))
        return
    if not file and not group.is_published:
        warn(f"{group.qualified_name} is not published, so no event counts for it now")
    _print_verdicts(plan, event, line_format, as_json)


def _print_verdicts(plan: GroupPlan, file: Path, line_format: Any, as_json: bool) -> None:
    """What each event of a file does to the group's attributes."""
    from snowmelt.cli.arrivals import arrivals
    from snowmelt.cli.ingest import Complaints
    from snowmelt.cli.verdicts import diagnosis_data, diagnosis_lines, failure_data, failure_lines
    from snowmelt.compute.diagnosis import Examiner
    from snowmelt.enrichment.failed import FailedEvent

    def make_enricher() -> Enricher:
        from snowmelt.runtimes.enricher import enricher_of

        return enricher_of(load_settings())

    examiner = Examiner(plan)
    complaints = Complaints()
    printed = 0
    for arrival in arrivals(file, line_format, complaints.add, make_enricher):
        lines: Iterator[str]
        if isinstance(arrival.event, FailedEvent):
            data, lines = failure_data(arrival, arrival.event, plan), failure_lines(arrival, arrival.event)
        else:
            try:
                diagnosis = examiner.examine(arrival.event, arrival.time)
            except ValueError as error:
                complaints.add(arrival.place, str(error))
                continue
            now = time.time_ns() // 1_000_000
            data = diagnosis_data(arrival, diagnosis, plan, now)
            lines = diagnosis_lines(arrival, diagnosis, plan, now)
        if as_json:
            typer.echo(json.dumps(data, ensure_ascii=False))
        else:
            typer.echo("\n".join(["", *lines] if printed else [f"# {plan.title}", *lines]))
        printed += 1
    complaints.finish()
    if complaints.count:
        if not printed:
            warn("nothing could be read: one event a line is expected; is --format right?")
        raise typer.Exit(FAILED)
    if not printed:
        warn(f"{file} holds no event")


def explanation(plan: GroupPlan) -> Iterator[str]:
    """The lines that explain a group: the paths that are read, then the code for each kind of event."""
    from snowmelt.compute.handler import paths_needed
    from snowmelt.compute.program import Program
    from snowmelt.compute.projection import EVERY

    program = Program([plan])
    kinds = _event_kinds(plan)
    paths = {".".join("*" if step == EVERY else str(step) for step in path) for path in paths_needed(plan)}
    # What tells the kinds of events apart.
    paths |= {f"event_{part}" for kind in kinds for part, value in kind.items() if value}
    yield f"# {plan.title}: what is read of an event"
    yield from (f"#   {path}" for path in sorted(paths))
    for kind in kinds:
        described = ", ".join(f"{part} {value}" for part, value in kind.items() if value) or "any other"
        yield ""
        yield f"# events: {described}"
        yield program.source(kind["name"], kind["vendor"], kind["version"]).rstrip()


def _event_kinds(plan: GroupPlan) -> list[dict[str, str | None]]:
    """The kinds of events that the attributes name, in their order, and all others last, if taken."""
    from snowmelt.definitions import Event

    kinds: list[dict[str, str | None]] = []
    for attribute in plan.attributes:
        for event in attribute.source.events or [Event()]:
            kind = {"name": event.name, "vendor": event.vendor, "version": event.version}
            if kind not in kinds:
                kinds.append(kind)
    return sorted(kinds, key=lambda kind: not any(kind.values()))


def _groups_in_file(file: Path) -> list[AttributeGroup]:
    from snowmelt.cli.definition_files import load_definitions
    from snowmelt.definitions import AttributeGroup

    return [one.definition for one in load_definitions([file]) if isinstance(one.definition, AttributeGroup)]


def _registered_groups(data_dir: Path | None) -> list[AttributeGroup]:
    from snowmelt.stores.registry import Registry

    data = existing_data(load_settings(data_dir=data_dir))
    if not data.registry.exists():
        raise CommandError(f"no server has run on {data.path} yet, so it has no definitions; --file takes a file")
    with Registry.open(data.registry) as registry:
        return [stored.group for stored in registry.groups.all()]


def _chosen(groups: list[AttributeGroup], name: str) -> AttributeGroup:
    found: Any = [group for group in groups if name in (group.name, group.qualified_name)]
    if not found:
        known = ", ".join(group.qualified_name for group in groups) or "none at all"
        raise CommandError(f"there is no attribute group {name}; there is {known}")
    group: AttributeGroup = max(found, key=lambda group: group.version)
    if group.kind != "stream":
        raise CommandError(f"{group.qualified_name} is not computed from events, so there is nothing to explain")
    return group


def _narrowed(group: AttributeGroup, name: str) -> AttributeGroup:
    """The group with one of its attributes only."""
    chosen = [attribute for attribute in group.attributes or [] if attribute.name == name]
    if not chosen:
        raise CommandError(f"{group.qualified_name} has no attribute {name}; it has {', '.join(group.column_names())}")
    return group.model_copy(update={"attributes": chosen})
