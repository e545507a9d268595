"""Logging: one event per thing that happened, constant text, facts as keys.

Whoever logs, also a library, logs through here: credentials are masked where a line is
written, and nothing that a stranger wrote can begin a line of its own.
"""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from service.redaction import redacted
from service.settings import LogSettings

__all__ = ["configure"]

_SHORTEST: Final = 8
"""Characters of a secret that is looked for by itself: shorter ones are words."""
_CONTROL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
"""What moves a terminal's cursor, ends a line or turns the order of letters."""


def configure(
    settings: LogSettings,
    *,
    stream: TextIO | None = None,
    secrets: Iterable[str] = (),
) -> None:
    """Send logs to a stream (standard error when none is given), as text or JSON.

    Libraries that use the standard library's logging are sent the same way, from
    warnings up.

    Args:
        settings: From which level on, and how.
        stream: Where to.
        secrets: Of this process; they are masked wherever they stand.
    """
    out = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    rendering = _rendering(settings, out, _Redacting(secrets))
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *rendering,
            ],
            foreign_pre_chain=shared,
        )
    )
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)


_NOISY = ("aio_pika", "aiormq")
"""They log every attempt to reach a broker that is away; the adapter says it once."""


def _rendering(
    settings: LogSettings, out: TextIO, redacting: structlog.typing.Processor
) -> list[structlog.typing.Processor]:
    if settings.format == "json":
        return [
            structlog.processors.ExceptionRenderer(
                ExceptionDictTransformer(show_locals=False)
            ),
            redacting,
            structlog.processors.JSONRenderer(),
        ]
    return [
        # Without local variables: tokens, headers, bodies.
        structlog.processors.format_exc_info,
        redacting,
        _escape,
        structlog.dev.ConsoleRenderer(
            colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
        ),
    ]


class _Redacting:
    """Masks credentials in everything that an event holds.

    Args:
        secrets: Texts to mask wherever they stand, beside what looks like some.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        longest = sorted({it for it in secrets if len(it) >= _SHORTEST}, key=len)
        own = "|".join(re.escape(it) for it in reversed(longest))
        self._own = re.compile(own) if own else None

    def __call__(
        self, logger: object, name: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        del logger, name
        return {key: self._masked(value) for key, value in event.items()}

    def _masked(self, value: Any) -> Any:  # noqa: ANN401 - whatever was logged
        match value:
            case None | bool() | int() | float():
                return value
            case Mapping():
                return {self._text(str(k)): self._masked(v) for k, v in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._masked(it) for it in value]
            case str():
                return self._text(value)
            case bytes():
                return self._text(repr(value))
            case _:
                return self._text(str(value))

    def _text(self, text: str) -> str:
        if self._own is not None:
            text = self._own.sub("…", text)
        return redacted(text)


def _escape(
    logger: object, name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Write control characters out: no value ends its line or speaks to a terminal.

    A traceback has lines of its own; they are set in, so that none looks like another
    event.
    """
    del logger, name
    trace = event.pop("exception", None)
    safe = {str(key): _escaped(value) for key, value in event.items()}
    if trace is not None:
        lines = str(trace).split("\n")
        safe["exception"] = "\n".join(f"    {_escaped(line)}" for line in lines)
    return safe


def _escaped(value: Any) -> Any:  # noqa: ANN401 - whatever was logged
    if isinstance(value, str):
        return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], value)
    if isinstance(value, Mapping):
        return {_escaped(k): _escaped(v) for k, v in value.items()}
    return [_escaped(it) for it in value] if isinstance(value, list) else value
