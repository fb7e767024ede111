"""Structured logs: JSON lines in production, readable ones in development. Neither names a person nor quotes one."""

import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# A line for every request of the simulator's page, and two for every sweep, would hide all others.
_CHATTY = ("django_structlog", "celery.worker.strategy", "celery.app.trace", "celery.beat")


def configure_logs(*, json: bool) -> dict[str, Any]:
    """Sets structlog up and returns Django's LOGGING, so that both write the same lines to standard error."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            _without_query,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    rendered: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if json:
        rendered += [_exception_without_words, structlog.processors.JSONRenderer()]
    else:
        # the usual formatter prints the local variables of every frame, and so what members wrote
        plain = structlog.dev.plain_traceback
        rendered.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain))
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": rendered,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {"django": {"handlers": [], "propagate": True}, **{name: {"level": "WARNING"} for name in _CHATTY}},
    }


def _without_query(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What a moderator searched for stands in the query: it is often a name."""
    if "request" in event:
        event["request"] = str(event["request"]).partition("?")[0]
    return event


def _exception_without_words(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The kind of an exception and where it came from. PostgreSQL quotes values in its message, so that stays out."""
    info = event.pop("exc_info", None)
    if isinstance(info, tuple) and info[0] is not None:
        event["exception"] = f"{info[0].__name__}\n{''.join(traceback.format_tb(info[2]))}"
    return event
