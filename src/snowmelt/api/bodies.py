"""Reading the definitions that clients send, with every problem found at once."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from fastapi import Request
from pydantic import BaseModel, ValidationError

from snowmelt.api.asgi import MAX_BODY_BYTES, BodyTooLarge
from snowmelt.definitions.problems import Problem, problems_of
from snowmelt.errors import SnowmeltError

ModelT = TypeVar("ModelT", bound=BaseModel)
Body = dict[str, Any]
ITEMS: Final = ("attributes", "fields", "events")
"""Members whose items are judged one by one."""
IDENTITY: Final = frozenset({"name", "type", "aggregation", "event", "properties"})
"""Members without which an item cannot be judged any further."""
MAX_COMMAS: Final = 50_000
"""Of a definition: a thousand attributes with their criteria have some twenty thousand. Judging a body costs time for
each of its parts, and commas are what is counted fastest."""
MAX_PROBLEMS: Final = 1000
"""Problems that an answer lists; one more line says how many there are besides."""
STAND_INS: Final[Body] = {
    "name": "stand_in",
    "attribute_key": {"name": "stand_in_key"},
    "criteria": {"attribute": "stand:in", "operator": "is null"},
    "max_events": 1,
    "max_age_seconds": 1,
    "decision_goal": "Stands in.",
    "contexts": ["stand_in"],
}
"""Put for misfits without which nothing could be read."""


class InvalidBody(SnowmeltError):
    """A body that is not a definition; ``problems`` are located inside it."""

    code = "invalid_body"

    def __init__(self, problems: list[Problem]) -> None:
        unlisted = len(problems) - MAX_PROBLEMS
        if unlisted > 1:
            rest = Problem((), f"and {unlisted} more problems: mend these first", "more_problems")
            problems = [*problems[:MAX_PROBLEMS], rest]
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


async def json_body(request: Request) -> Body:
    """The request's JSON object, whatever its content type says.

    Raises:
        BodyTooLarge: it is longer than ``MAX_BODY_BYTES``.
        InvalidBody: it is not a JSON object, or has very many parts.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge
        chunks.append(chunk)
    text = b"".join(chunks)
    if text.count(b",") > MAX_COMMAS:
        problem = f"the body has more than {MAX_COMMAS} commas: split the definition"
        raise InvalidBody([Problem((), problem, "too_many_parts")])
    try:
        body = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidBody([Problem((), f"the body is not JSON: {error}", "json_invalid")]) from error
    if not isinstance(body, dict):
        raise InvalidBody([Problem((), "the body must be a JSON object", "object_type")])
    return body


def addressed(body: Body, **path: str | int) -> Body:
    """The body with what its path says: members of the path that it leaves out are filled in.

    Raises:
        InvalidBody: body and path disagree.
    """
    problems = [
        Problem((member,), f"the path says {value!r}, the body {body[member]!r}: they must agree", "path_mismatch")
        for member, value in path.items()
        if body.get(member) is not None and body[member] != value
    ]
    if problems:
        raise InvalidBody(problems)
    return {**body, **path}


def parse(model: type[ModelT], body: Body) -> ModelT:
    """The body as a ``model``.

    Raises:
        InvalidBody: it does not fit; every misfit is listed.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise InvalidBody(problems_of(error)) from error


def parse_with_rules(read: Callable[[Body], ModelT], check: Callable[[ModelT], list[Problem]], body: Body) -> ModelT:
    """The body as a definition; if it does not fit, what does fit is held against the rules all the same.

    Args:
        read: makes the definition, or raises pydantic's ``ValidationError``.
        check: the semantic rules.
        body: as sent.

    Raises:
        InvalidBody: it does not fit; misfits and broken rules are listed.
    """
    try:
        return read(body)
    except ValidationError as error:
        problems = problems_of(error)
    rest, positions = _without(body, problems)
    try:
        broken = check(read(rest))
    except ValidationError:
        raise InvalidBody(problems) from None
    places = {_place(problem.loc) for problem in problems}
    for problem in broken:
        located = _moved(problem, positions)
        # What was taken out must not be reported as missing.
        if located.loc and _place(located.loc) not in places and located.loc[:1] not in places:
            problems.append(located)
    raise InvalidBody(problems)


def _place(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The member of an item, else the member of the definition, in which a problem lies."""
    return loc[:3] if loc and loc[0] in ITEMS and len(loc) > 2 else loc[:1]


def _without(body: Body, problems: list[Problem]) -> tuple[Body, dict[str, list[int]]]:
    """The body without its misfits, and for each list of items the positions of those that are left."""
    rest = dict(body)
    dropped: dict[str, set[int]] = {member: set() for member in ITEMS}
    for member in ITEMS:
        if isinstance(rest.get(member), list):
            rest[member] = [dict(item) if isinstance(item, dict) else item for item in rest[member]]
    for problem in problems:
        match problem.loc:
            case (str(member), int(index), str(part), *_) if member in ITEMS and part not in IDENTITY:
                rest[member][index].pop(part, None)
            case (str(member), int(index), *_) if member in ITEMS:
                dropped[member].add(index)
            case (str(member), *_) if member in STAND_INS:
                rest[member] = STAND_INS[member]
            case (str(member), *_):
                rest.pop(member, None)
    positions: dict[str, list[int]] = {}
    for member, indexes in dropped.items():
        if isinstance(rest.get(member), list):
            positions[member] = [index for index in range(len(rest[member])) if index not in indexes]
            rest[member] = [rest[member][index] for index in positions[member]]
    return rest, positions


def _moved(problem: Problem, positions: dict[str, list[int]]) -> Problem:
    """The problem at the position that its item had in the body."""
    match problem.loc:
        case (str(member), int(index), *inner) if member in positions:
            return Problem((member, positions[member][index], *inner), problem.msg, problem.type)
    return problem
