"""Logging: one event per line, with constant text and the facts as keys.

All log lines, also those of libraries, pass through here: credentials are redacted, and
control characters are escaped, so that untrusted input cannot start a line of its own.
"""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any, Final, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from service.events.trace import trace_id_of
from service.redaction import redact_credentials
from service.settings import LogSettings

__all__ = ["configure", "log_about", "name_subject", "silence_libraries"]

_SHORTEST: Final = 8
"""Characters of the shortest secret that is redacted by its value: shorter ones would
match ordinary words."""
_CONTROL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
"""Characters that control a terminal, end a line or change the direction of text."""


def configure(
    settings: LogSettings,
    *,
    stream: TextIO | None = None,
    secrets: Iterable[str] = (),
) -> None:
    """Configure logging to a stream (standard error by default), as text or JSON.

    Warnings and errors that libraries log through the standard library go the same way.

    Args:
        settings: The level and the format.
        stream: The output.
        secrets: Secrets of this process; they are redacted wherever they appear.
    """
    out = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    rendering = _rendering(settings, out, _Redacting(secrets))
    shared: list[structlog.typing.Processor] = [
        name_subject,
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
    silence_libraries()
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)


def silence_libraries() -> None:
    """Keep libraries from logging what their adapter reports."""
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def log_about(*, traceparent: str | None = None, **ids: str | None) -> None:
    """Name in every further line of this task what it is about, where that is known.

    Args:
        traceparent: The trace that its work belongs to.
        ids: Such as `delivery`, `source` and `build`.
    """
    # A task has a context of its own, which ends with it: nothing is to be taken back.
    # One variable, and not one for each name as structlog has them: each delivery sets
    # it, and few of them have a line written.
    known = {name: text for name, text in ids.items() if text}
    if traceparent and (trace := trace_id_of(traceparent)):
        known["trace"] = trace
    _SUBJECT.set({**_SUBJECT.get(), **known})


def name_subject(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Add to a line what its task is about; what the line itself says stays."""
    del logger, method
    return {**_SUBJECT.get(), **event}


_SUBJECT: Final[ContextVar[Mapping[str, str]]] = ContextVar("subject", default={})  # noqa: B039 - never changed


_NOISY = ("aio_pika", "aiormq")
"""They log every attempt to connect to a broker that is down; the adapter logs it
once."""


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
        # Tracebacks without local variables, which may be tokens, headers or bodies.
        structlog.processors.format_exc_info,
        redacting,
        _escape,
        structlog.dev.ConsoleRenderer(
            colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
        ),
    ]


class _Redacting:
    """Redacts credentials in all values of a log event.

    Args:
        secrets: Texts to redact besides everything that looks like a credential.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        longest = sorted(
            {secret for secret in secrets if len(secret) >= _SHORTEST}, key=len
        )
        own = "|".join(re.escape(text) for text in reversed(longest))
        self._own = re.compile(own) if own else None

    def __call__(
        self, logger: object, name: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        del logger, name
        return {key: self._redact_value(value) for key, value in event.items()}

    def _redact_value(self, value: Any) -> Any:  # noqa: ANN401 - whatever was logged
        match value:
            case None | bool() | int() | float():
                return value
            case Mapping():
                return {
                    self._redact_text(str(k)): self._redact_value(v)
                    for k, v in value.items()
                }
            case list() | tuple() | set() | frozenset():
                return [self._redact_value(item) for item in value]
            case str():
                return self._redact_text(value)
            case bytes():
                return self._redact_text(repr(value))
            case _:
                return self._redact_text(str(value))

    def _redact_text(self, text: str) -> str:
        if self._own is not None:
            text = self._own.sub("…", text)
        return redact_credentials(text)


def _escape(
    logger: object, name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Escape control characters, so that no value ends its line or controls a terminal.

    The lines of a traceback are indented, so that none looks like another event.
    """
    del logger, name
    trace = event.pop("exception", None)
    safe = {str(key): _escape_value(value) for key, value in event.items()}
    if trace is not None:
        lines = str(trace).split("\n")
        safe["exception"] = "\n".join(f"    {_escape_value(line)}" for line in lines)
    return safe


def _escape_value(value: Any) -> Any:  # noqa: ANN401 - whatever was logged
    if isinstance(value, str):
        return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], value)
    if isinstance(value, Mapping):
        return {_escape_value(k): _escape_value(v) for k, v in value.items()}
    return [_escape_value(item) for item in value] if isinstance(value, list) else value
