"""Personal data replaced by hashes."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import SetupProblem
from snowmelt.events.canonical import Event, SelfDescribing
from snowmelt.events.errors import SchemaUriError
from snowmelt.events.schema_key import SchemaKey


class JsonTarget(NamedTuple):
    """Texts inside the data of some events or entities.

    Args:
        column: ``unstruct_event``, ``contexts`` or ``derived_contexts``.
        criterion: of the schema, such as ``iglu:com.acme/order/jsonschema/1-*-*``.
        path: JSONPath inside the data.
    """

    column: str
    criterion: str
    path: str


class Pseudonymisation:
    """Replaces texts by the hash of themselves and a salt; what is null or missing stays so.

    Args:
        columns: whose text is replaced.
        json_targets: texts inside of JSON, and texts in arrays there.
        hash_function: ``MD5``, ``SHA-1``, ``SHA-256``, ``SHA-384`` or ``SHA-512``.
        salt: added to each text.
        anonymous_only: only in requests with the header ``SP-Anonymous``.

    Raises:
        SetupProblem: a path is no JSONPath.
    """

    name = "pii"

    def __init__(
        self,
        columns: Sequence[str],
        json_targets: Sequence[JsonTarget],
        hash_function: str,
        salt: str,
        anonymous_only: bool = False,
    ) -> None:
        import jsonpath  # takes as long to load as a quarter of the engine, and few need it

        self._columns = tuple(columns)
        self._algorithm, self._salt = hash_function.replace("-", "").lower(), salt
        self._anonymous_only = anonymous_only
        self._targets = []
        for target in json_targets:
            try:
                path = jsonpath.compile(target.path)
            except jsonpath.JSONPathError as error:
                raise SetupProblem(f"`{target.path}` in pii.json_fields is no JSONPath: {error}") from error
            self._targets.append((target.column, _criterion(target.criterion), path))

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Never fails. What was hashed may no longer be valid against its schema, which nobody looks at any more."""
        if self._anonymous_only and not _is_anonymous(raw.payload.headers):
            return
        for column in self._columns:
            value = event.get(column)
            if value is not None:
                event[column] = self.hashed(value)
        for column, criterion, path in self._targets:
            found: Any = event.get(column) or []
            for item in found if isinstance(found, list) else [found]:
                if _meets(item["schema"], criterion):
                    self._replace(item, path)

    def hashed(self, text: str) -> str:
        """The hash of a text and the salt, in lower-case hex."""
        data = (text + self._salt).encode("utf-8", "replace")
        return hashlib.new(self._algorithm, data, usedforsecurity=False).hexdigest()

    def _replace(self, item: SelfDescribing, path: Any) -> None:
        if not isinstance(item["data"], dict | list):
            # There is nothing inside; and the library would take a text for JSON to be read.
            if str(path) == "$" and isinstance(item["data"], str):
                item["data"] = self.hashed(item["data"])
            return
        for match in list(path.finditer(item["data"])):
            value = match.obj
            if isinstance(value, list):
                value[:] = [self.hashed(each) if isinstance(each, str) else each for each in value]
            elif isinstance(value, str):
                match.parent.obj[match.parts[-1]] = self.hashed(value)


def _criterion(text: str) -> tuple[str, str, str, list[str]]:
    vendor, name, form, version = text.removeprefix("iglu:").split("/")
    return vendor, name, form, version.split("-")


def _meets(uri: str, criterion: tuple[str, str, str, list[str]]) -> bool:
    try:
        key = SchemaKey.parse(uri)
    except SchemaUriError:
        return False
    if key[:3] != criterion[:3]:
        return False
    pairs = zip(key.version.split("-"), criterion[3], strict=True)
    return all(wanted in ("*", number) for number, wanted in pairs)


def _is_anonymous(headers: Sequence[str]) -> bool:
    return any(header.partition(":")[0].lower() == "sp-anonymous" for header in headers)
