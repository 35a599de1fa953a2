"""Whether this process tells of its work in spans; if not, nothing of OpenTelemetry is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snowmelt.errors import SnowmeltError
from snowmelt.settings import Settings

if TYPE_CHECKING:
    from snowmelt.runtimes.spans import Spans


class TracingUnavailable(SnowmeltError):
    """Tracing is asked for, and what it needs is not installed."""

    code = "tracing_unavailable"


def spans_of(settings: Settings, process: str) -> Spans | None:
    """What a process makes spans with, or ``None`` if tracing is off.

    Args:
        settings: say whether it is on; where spans go is said by the standard variables ``OTEL_...``.
        process: ``web``, ``engine`` or ``webhooks``.

    Raises:
        TracingUnavailable: it is on and OpenTelemetry is not installed.

    >>> spans_of(Settings(), "web") is None
    True
    """
    if not settings.tracing.enabled:
        return None
    try:
        from snowmelt.runtimes.spans import Spans
    except ImportError as error:
        raise TracingUnavailable(
            f"tracing.enabled needs OpenTelemetry ({error}): pip install 'snowmelt[otel]', or turn it off"
        ) from error
    return Spans(process, continues=settings.tracing.continue_traces)
