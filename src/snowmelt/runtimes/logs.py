"""How every process logs: one JSON object a line on standard error, or coloured text for a terminal."""

import logging
import sys

import structlog

from snowmelt.printable import printable
from snowmelt.runtimes.request_ids import with_request_id


def one_line(logger: object, method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The fields of a log line with nothing in them that pretends to be another line, or moves the cursor.

    >>> one_line(None, "info", {"event": "a\\nb\\x1b[2J", "exception": "Traceback:\\n  x\\r"})
    {'event': 'a\\\\nb\\\\x1b[2J', 'exception': 'Traceback:\\n  x\\\\r'}
    """
    for name, value in fields.items():
        if isinstance(value, str):
            text = printable(value)
            # A traceback has lines of its own.
            fields[name] = text if name == "exception" else text.replace("\n", "\\n")
    return fields


def configure_logs(level: str, form: str = "auto") -> None:
    """Set up structlog, and send what libraries log the same way.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        form: ``json``, ``text``, or ``auto``, which is text on a terminal only.
    """
    number = getattr(logging, level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        with_request_id,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    terminal = sys.stderr.isatty()
    text = form == "text" or (form == "auto" and terminal)
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=terminal) if text else structlog.processors.JSONRenderer()
    )
    # JSON escapes by itself.
    escaping: list[structlog.typing.Processor] = [one_line] if text else []
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *escaping, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    logging.getLogger("uvicorn").setLevel(max(number, logging.WARNING))
