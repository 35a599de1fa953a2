"""``POST /api/v1/get-online-attributes``: current values, read by an application at every page view."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from snowmelt.api.asgi import (
    MAX_BODY_BYTES,
    BodyTooLarge,
    ClientGone,
    Receive,
    Scope,
    Send,
    encode_json,
    read_body,
    send_error,
    send_json,
)
from snowmelt.api.auth import CHALLENGE
from snowmelt.api.catalog import Catalog, MalformedName, Plan, UnknownName
from snowmelt.api.incidents import unexpected
from snowmelt.api.reading import NowMs, Profiles
from snowmelt.api.revisions import Revisions

PATH: Final = "/api/v1/get-online-attributes"
MAX_KEYS: Final = 100
MAX_IDENTIFIERS: Final = 1000
"""Identifiers per key and call."""
ROWS_AT_A_TIME: Final = 100
"""After so many rows other requests get their turn."""


class ReadRequest(msgspec.Struct, gc=False):
    """The body: which columns, and the identifiers that are the rows."""

    attribute_keys: dict[str, list[str]]
    service: str | None = None
    attributes: list[str] | None = None
    full_attribute_names: bool | None = None


decode: Final = msgspec.json.Decoder(ReadRequest).decode


class MalformedRequest(Exception):
    """The request breaks a rule that its JSON types cannot say."""


class TokenNeeded(Exception):
    """The request needs a token and has none."""


Read = Callable[[bytes], tuple[ReadRequest, Plan]]


class OnlineAttributes:
    """The ASGI app of the endpoint; callers have passed the token check.

    Args:
        catalog: what can be read.
        profiles: stored states.
        revisions: tells when to look again at what can be read.
        now_ms: the read time, milliseconds since the epoch.
    """

    def __init__(self, catalog: Catalog, profiles: Profiles, revisions: Revisions, now_ms: NowMs) -> None:
        self._catalog = catalog
        self._profiles = profiles
        self._revisions = revisions
        self._now_ms = now_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await send_error(send, 405, f"Use POST {PATH}.", ((b"allow", b"POST"),))
        else:
            await self.serve(receive, send, self._read)

    async def serve(
        self,
        receive: Receive,
        send: Send,
        read: Read,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        limit: int = MAX_BODY_BYTES,
    ) -> None:
        """Answer one request.

        Args:
            receive: gives its body.
            send: takes the answer.
            read: finds out of the body what is asked for and may be read; raises ``TokenNeeded``,
                ``MalformedRequest``, ``MalformedName``, ``UnknownName`` or what ``decode`` raises.
            headers: added to every answer.
            limit: bytes that the body may have.
        """
        try:
            body = await read_body(receive, limit)
            answer = await self._answer(body, read)
        except ClientGone:
            return
        except BodyTooLarge:
            await send_error(send, 413, f"The body is longer than {limit} bytes. Split the call.", headers)
        except msgspec.MsgspecError as error:
            await send_error(send, 400, f"The body is not a read request: {error}.", headers)
        except RecursionError:
            await send_error(send, 400, "The body is not a read request: it is nested too deeply.", headers)
        except (MalformedRequest, MalformedName) as error:
            await send_error(send, 400, str(error), headers)
        except TokenNeeded as error:
            await send_error(send, 401, str(error), (*CHALLENGE, *headers))
        except UnknownName as error:
            await send_error(send, 404, str(error), headers)
        except Exception as error:
            await send_json(send, 500, encode_json(unexpected(error, "POST", PATH)), headers)
        else:
            await send_json(send, 200, answer, headers)

    async def columns(self, request: ReadRequest) -> dict[str, list[Any]]:
        """The answer to a request of somebody who may read everything.

        Args:
            request: which columns, and the identifiers.

        Raises:
            MalformedRequest: it breaks a rule.
            MalformedName: an attribute is not written ``{group}_v{version}:{attribute}``.
            UnknownName: a service, group version or attribute does not exist.
        """
        self._catalog.refresh(self._revisions.now())
        return await self._values(request, self._plan(request))

    async def _answer(self, body: bytes, read_request: Read) -> bytes:
        self._catalog.refresh(self._revisions.now())
        return encode_json(await self._values(*read_request(body)))

    async def _values(self, request: ReadRequest, plan: Plan) -> dict[str, list[Any]]:
        identifiers, rows = _identifiers(request.attribute_keys, self._catalog.keys)

        read = [group for group in plan if group.key in identifiers]
        # One call, hence one moment, for all groups and rows: group by group, row by row.
        states = self._profiles.get(
            [(group.state_id, identifier) for group in read for identifier in identifiers[group.key]]
        )
        now_ms = self._now_ms()
        if rows == 1:
            return _single(plan, identifiers, states, now_ms)
        return await _columns(plan, identifiers, states, rows, now_ms)

    def _read(self, body: bytes) -> tuple[ReadRequest, Plan]:
        request = decode(body)
        return request, self._plan(request)

    def _plan(self, request: ReadRequest) -> Plan:
        qualified = bool(request.full_attribute_names)
        if request.service is not None:
            if request.attributes is not None:
                raise MalformedRequest("Give either 'service' or 'attributes', not both.")
            return self._catalog.service(request.service, qualified=qualified)
        if request.attributes:
            return self._catalog.attributes(request.attributes, qualified=qualified)
        raise MalformedRequest("Give a 'service', or 'attributes' as a list of {group}_v{version}:{attribute}.")


def _identifiers(given: dict[str, list[str]], known: frozenset[str]) -> tuple[dict[str, list[bytes]], int]:
    """The identifiers of each key as they are stored, and how many rows they make."""
    if not given:
        raise MalformedRequest("'attribute_keys' is empty. Name a key and its identifiers.")
    if len(given) > MAX_KEYS:
        raise MalformedRequest(f"'attribute_keys' has {len(given)} keys; at most {MAX_KEYS} are taken.")
    rows = -1
    for name, values in given.items():
        if name not in known:
            raise MalformedRequest(f"There is no attribute key {name}.")
        if not values:
            raise MalformedRequest(f"Attribute key {name} has no identifiers.")
        if len(values) > MAX_IDENTIFIERS:
            raise MalformedRequest(
                f"Attribute key {name} has {len(values)} identifiers; at most {MAX_IDENTIFIERS} are taken. "
                "Split the call."
            )
        if rows >= 0 and len(values) != rows:
            raise MalformedRequest(
                "Every attribute key needs as many identifiers as the others, since row i combines the i-th "
                f"of each: {', '.join(f'{key} has {len(ids)}' for key, ids in given.items())}."
            )
        rows = len(values)
    return {name: [value.encode() for value in values] for name, values in given.items()}, rows


def _single(
    plan: Plan, identifiers: dict[str, list[bytes]], states: Sequence[bytes | None], now_ms: int
) -> dict[str, list[Any]]:
    """The answer for one row, the usual case."""
    answer: dict[str, list[Any]] = {}
    position = 0
    for key, _, values, columns in plan:
        if key in identifiers:
            row = values.read(states[position], now_ms)
            position += 1
            for index, column in columns:
                answer[column] = [row[index]]
        else:
            for _, column in columns:
                answer[column] = [None]
    return answer


async def _columns(
    plan: Plan, identifiers: dict[str, list[bytes]], states: Sequence[bytes | None], rows: int, now_ms: int
) -> dict[str, list[Any]]:
    """The answer for many rows; lets other requests pass in between."""
    answer: dict[str, list[Any]] = {}
    remaining = iter(states)
    done = 0
    for key, _, values, columns in plan:
        lists: list[tuple[int, list[Any]]] = []
        for index, column in columns:
            entries: list[Any] = []
            answer[column] = entries
            lists.append((index, entries))
        if key not in identifiers:
            for _, entries in lists:
                entries.extend([None] * rows)
            continue
        for state in islice(remaining, rows):
            row = values.read(state, now_ms)
            for index, entries in lists:
                entries.append(row[index])
            done += 1
            if done % ROWS_AT_A_TIME == 0:
                await asyncio.sleep(0)
    return answer
