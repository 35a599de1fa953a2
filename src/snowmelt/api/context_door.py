"""``GET /api/v1/event_log``: what happened lately in a session, read before every answer of an assistant."""

from typing import Final
from urllib.parse import parse_qs

from snowmelt.api.asgi import Receive, Scope, Send, encode_json, send_body, send_error, send_json
from snowmelt.api.catalog import UnknownName
from snowmelt.api.contexts import FORMATS, Contexts
from snowmelt.api.incidents import unexpected

PATH: Final = "/api/v1/event_log"
_MAX_PARAMETERS: Final = 100


class MalformedQuestion(Exception):
    """A parameter is missing or is none of those that are taken."""


class ContextDoor:
    """The ASGI app of the endpoint; callers have passed the token check.

    Args:
        contexts: reads event logs.
    """

    def __init__(self, contexts: Contexts) -> None:
        self._contexts = contexts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await send_error(send, 405, f"Use GET {PATH}.", ((b"allow", b"GET"),))
            return
        try:
            name, identifier, form = _question(scope["query_string"])
            context = self._contexts.read(name, identifier, "narrative" if form == "narrative" else "json")
        except MalformedQuestion as error:
            await send_error(send, 400, str(error))
        except UnknownName as error:
            await send_error(send, 404, str(error))
        except Exception as error:
            await send_json(send, 500, encode_json(unexpected(error, "GET", PATH)))
        else:
            if isinstance(context, str):
                await send_body(send, 200, context.encode(), b"text/plain; charset=utf-8")
            else:
                await send_json(send, 200, encode_json(context))


def _question(query: bytes) -> tuple[str, str, str]:
    """Name, identifier and format; of several values of a parameter the first."""
    try:
        given = parse_qs(query.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        raise MalformedQuestion(f"There are more than {_MAX_PARAMETERS} parameters.") from error
    name, identifier, form = (given.get(parameter, [""])[0] for parameter in ("name", "identifier", "format"))
    if missing := [parameter for parameter, value in (("name", name), ("identifier", identifier)) if not value]:
        raise MalformedQuestion(
            f"{' and '.join(f'{parameter!r}' for parameter in missing)} missing. "
            f"Ask GET {PATH}?name=<event log>&identifier=<session id>&format=json or narrative."
        )
    form = form or FORMATS[0]
    if form not in FORMATS:
        raise MalformedQuestion(f"There is no format {form!r}: write json or narrative.")
    return name, identifier, form
