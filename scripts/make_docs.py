"""Writes the parts of docs/ that are made from code: whole pages, and blocks between markers.

A block stands between ``<!-- made: name -->`` and ``<!-- end -->``. With ``--check`` nothing is written; the
exit status is 1 if something is stale.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from snowmelt.api.later import LATER
from snowmelt.cli.explain import explanation
from snowmelt.compute.plan import plan_group
from snowmelt.demo.tutorial import tutorial_group
from snowmelt.enrichment.steps.order import ORDER
from snowmelt.sdk import not_yet
from snowmelt.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"(<!-- made: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def settings_table() -> str:
    """Every setting: its name in a file, its variable, its default and its meaning."""
    rows = [
        f"| `{'.'.join(path)}` | `SNOWMELT_{'__'.join(path).upper()}` | {_default(field)} | {_text(field)} |"
        for path, field in _leaves(Settings, ())
    ]
    return "\n".join(["| setting | variable | default | meaning |", "| --- | --- | --- | --- |", *rows])


def _leaves(section: type[BaseModel], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _leaves(kind, (*above, name))
        else:
            yield (*above, name), field


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, SecretStr):
        return "unset"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _text(field: FieldInfo) -> str:
    return " ".join((field.description or "").replace("``", "`").split())


def later_table() -> str:
    """The areas of the API that are answered 501."""
    rows = [f"| `{area.path}` | {area.what} |" for area in LATER]
    return "\n".join(["| path, and what is below it | what is missing |", "| --- | --- |", *rows])


def calls_table() -> str:
    """What came of each call of each client, as the conformance tests recorded it and hold it to be true."""
    results = json.loads((ROOT / "tests" / "conformance" / "results.json").read_text())
    titles = {
        "vendor": "`snowplow-signals`",
        "snowmelt": "`snowmelt`",
        "compat": "`snowmelt-compat`",
        "node": "`@snowplow/signals-node`",
    }
    head = [f"| call | {' | '.join(titles.values())} |", f"| --- |{' --- |' * len(titles)}"]
    rows = [
        f"| {call if call.startswith('refused') else _call(call)} | "
        + " | ".join(by_client.get(client, "") for client in titles)
        + " |"
        for call, by_client in results.items()
    ]
    return "\n".join([*head, *rows])


def _call(call: str) -> str:
    name, comma, remark = call.partition(",")
    return f"`{name}`{comma}{remark}"


def explain_block() -> str:
    """What ``snowmelt explain`` prints of the tutorial's group."""
    return "\n".join(["```python", *explanation(plan_group(tutorial_group(), state_id=1)), "```"])


def state_bytes() -> str:
    """How many bytes each aggregation keeps."""
    return str(_neighbour("state_sizes").table())


def routes_table() -> str:
    """Every route of a server, and what it needs."""
    return str(_neighbour("route_table").table())


def _neighbour(name: str) -> ModuleType:
    """A module beside this one."""
    if str(ROOT / "scripts") not in sys.path:  # where this file is loaded, and not run
        sys.path.append(str(ROOT / "scripts"))
    return import_module(name)


def enrichments_table() -> str:
    """The steps of enrichment in the order they run, with their settings and what they do."""
    rows = [
        f"| {number} | {f'`enrichment.{row.setting}`' if row.setting else 'always'} | {row.told} |"
        for number, row in enumerate(ORDER, start=1)
    ]
    return "\n".join(["| | setting | what it adds |", "| --- | --- | --- |", *rows])


BLOCKS: dict[str, Callable[[], str]] = {
    "settings": settings_table,
    "later": later_table,
    "calls": calls_table,
    "explain": explain_block,
    "enrichments": enrichments_table,
    "state-bytes": state_bytes,
    "routes": routes_table,
}


def made() -> dict[Path, str]:
    """Each page that is made from code, wholly or in part, as it should be."""
    pages = {ROOT / not_yet.PAGE: not_yet.page()}
    for path in sorted(DOCS.glob("*.md")):
        if path not in pages:
            text = path.read_text()
            filled = _BLOCK.sub(lambda match: f"{match[1]}{BLOCKS[match[2]]()}\n{match[3]}", text)
            if filled != text or _BLOCK.search(text):
                pages[path] = filled
    return pages


def stale() -> list[Path]:
    """The pages that are not as they should be."""
    return [path for path, text in made().items() if not path.exists() or path.read_text() != text]


def main() -> int:
    """Write what is stale, or only name it."""
    pages, old = made(), stale()
    for path in old:
        if "--check" not in sys.argv:
            path.write_text(pages[path])
        print(f"{'stale' if '--check' in sys.argv else 'written'}: {path.relative_to(ROOT)}")
    return 1 if old and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
