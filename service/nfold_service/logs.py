"""Structured logs: JSON lines for machines, a line for people, and never a secret."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from nfold_service.settings import Settings

_SECRET = ("key", "authorization", "token", "password", "secret")


def begin_logs(settings: Settings) -> None:
    """Settle how everything in this process logs, to standard error."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    render: Any = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_secrets,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=Lenient()),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(Lenient())
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=render, foreign_pre_chain=shared))
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(max(level, logging.WARNING))
    logging.getLogger("uvicorn.access").disabled = True


class Lenient:
    """Standard error that cannot fail: where logs go to a file on a full disk, requests are answered all the same."""

    def write(self, text: str) -> int:
        """Write, if it can be; there is no other place to say that it cannot."""
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """As `write`."""
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def without_secrets(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank what is called like a secret, and keep out of values what would break a line or move a terminal."""
    del logger, method
    for name, value in event.items():
        if any(word in name.lower() for word in _SECRET):
            event[name] = "[not shown]"
        elif isinstance(value, str):
            event[name] = printable(value)
    return event


def printable(text: str) -> str:
    """A text in which nothing but printable characters is left; the others are escaped as Python does."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
