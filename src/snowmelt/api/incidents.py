"""What nobody foresaw: answered with an id under which the log tells the story."""

import uuid

import structlog

log = structlog.get_logger("snowmelt.api")


def unexpected(error: BaseException, method: str, path: str) -> dict[str, str]:
    """Log an error and make the body of the 500 that answers it."""
    incident = str(uuid.uuid4())
    log.error("request_failed", id=incident, method=method, path=path, exc_info=error)
    text = f"Something went wrong that should not have. The server's log says more under id {incident}."
    return {"error": text, "detail": text, "id": incident}
