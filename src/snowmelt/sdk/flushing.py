"""Waiting until the server has counted what it acknowledged."""

from snowmelt.sdk.errors import SignalsBehindError, SignalsBusyError, SignalsConfigError
from snowmelt.sdk.messages import Call, Request

USUAL_SECONDS = 10.0
LONGEST_SECONDS = 60.0


def flush(timeout: float) -> Call[None]:
    """Return when everything acknowledged before is readable. The server waits, hence it is asked once."""
    if not 0 <= timeout <= LONGEST_SECONDS:
        raise SignalsConfigError(f"timeout must be from 0 to {LONGEST_SECONDS:g} seconds, but is {timeout!r}")
    response = yield Request("POST", f"testing/flush?timeout={timeout}", waits=timeout)
    try:
        response.json()
    except SignalsBusyError as error:
        # A proxy that lost patience answers 504, too, and knows nothing of the engine.
        if isinstance(error.message, dict) and isinstance(error.message.get("behind"), int):
            raise SignalsBehindError(error.status_code, error.message, request=error.request) from None
        raise
