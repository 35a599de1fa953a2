"""What the client of the SDK raises, in the words of somebody who typed a command."""

import re

from snowmelt.errors import SnowmeltError
from snowmelt.sdk.errors import (
    SignalsAPIError,
    SignalsAuthError,
    SignalsBusyError,
    SignalsConfigError,
    SignalsConflictError,
    SignalsConnectionError,
    SignalsForbiddenError,
    SignalsNotFoundError,
    SignalsResponseError,
    SignalsTimeoutError,
    SignalsValidationError,
)

_ADVICE: dict[type[SignalsAPIError], str] = {
    SignalsNotFoundError: "Check the name; `snowmelt apply FILE` publishes what a file defines.",
    SignalsConflictError: "A published version never changes: give what changed a higher version, and apply it.",
    SignalsBusyError: "Try again later; `snowmelt doctor` tells how the server is.",
    SignalsResponseError: "Does --url name the root of a Snowmelt server?",
}
_REQUEST = re.compile(r"^[A-Z]+ (https?://[^/\s]+)\S*")


def told(error: SnowmeltError) -> str:
    """The message of an error; that of a client's error names options and commands, not calls.

    >>> print(told(SignalsNotFoundError(404, {"error": "There is no service x."}, request="GET http://h/api/x")))
    There is no service x. (404)
    Check the name; `snowmelt apply FILE` publishes what a file defines.
    """
    match error:
        case SignalsForbiddenError():
            return (
                f"{error.detail} ({error.status_code})\n"
                "Give another one with --token; `snowmelt token create --role ROLE` makes one where the server runs."
            )
        case SignalsAuthError():
            return (
                f"the server does not take this token ({error.status_code}): give its own with --token or in "
                "SNOWMELT_SANDBOX_TOKEN, or name its data folder with --data-dir\n"
                "`snowmelt token --data-dir DIR` prints it where the server runs."
            )
        case SignalsValidationError():
            return f"the server refuses it: {error.detail}"
        case SignalsAPIError():
            said = f"{error.detail} ({error.status_code})"
            return "\n".join([said, *(text for kind, text in _ADVICE.items() if isinstance(error, kind))])
        case SignalsTimeoutError():
            return _REQUEST.sub(r"\1", str(error).partition("\n")[0])
        case SignalsConnectionError():
            return _REQUEST.sub(r"\1", str(error))
        case SignalsConfigError():
            return str(error).replace("api_url", "--url").replace("sandbox_token", "--token")
        case _:
            return str(error)
