"""Logging: one event per thing that happened, constant text, facts as keys."""

import logging
import sys
from typing import TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from service.settings import LogSettings

__all__ = ["configure"]


def configure(settings: LogSettings, *, stream: TextIO | None = None) -> None:
    """Send logs to a stream (standard error when none is given), as text or JSON.

    Libraries that use the standard library's logging are sent the same way, from
    warnings up.
    """
    out = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *_rendering(settings, out)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(settings, out),
            ],
            foreign_pre_chain=shared,
        )
    )
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


_NOISY = ("aio_pika", "aiormq")
"""They log every attempt to reach a broker that is away; the adapter says it once."""


def _rendering(settings: LogSettings, out: TextIO) -> list[structlog.typing.Processor]:
    if settings.format == "json":
        return [
            structlog.processors.ExceptionRenderer(
                ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=out.isatty(),
            # The usual one prints local variables: tokens, headers, bodies.
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]
