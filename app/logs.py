"""How the lines of the log look, and where they get the ids that they carry. Standard logging, structlog's last steps."""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

import structlog
from structlog.typing import EventDict

NOISY: Final = ("httpx", "httpcore", "alembic", "websockets", "uvicorn.error", "asyncio")
"""Never below WARNING: at DEBUG some of them write out headers, and with them tokens."""

_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_UNPRINTABLE_IN_TRACE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SECRETS: Final = (
    (re.compile(r"\btr([kw])_[A-Za-z0-9_.\-]{8,}"), r"tr\1_…"),
    (re.compile(r"(?i)\b(bearer) +\S+"), r"\1 …"),
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), r"\1:…@"),
)
_LAST: Final = {"exception": 1}


def about(**ids: str | None) -> AbstractContextManager[None]:
    """A context manager: every line that is written inside, by whomever, carries these ids."""
    return structlog.contextvars.bound_contextvars(**{name: id for name, id in ids.items() if id is not None})


def from_here_on(**ids: str) -> None:
    """The same for the rest of an asyncio task."""
    structlog.contextvars.bind_contextvars(**ids)


def configure(*, as_json: bool, level: str) -> None:
    """From here on every line, of every library as well, goes to stderr in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(as_json=as_json, colors=sys.stderr.isatty()))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))


def formatter(*, as_json: bool, colors: bool = False) -> logging.Formatter:
    last: list[Any]
    if as_json:
        last = [
            _in_order,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    else:
        last = [
            _on_one_line,
            # not rich: it would show the values of local variables, and secrets among them
            structlog.dev.ConsoleRenderer(
                colors=colors,
                exception_formatter=structlog.dev.plain_traceback,
                timestamp_key="time",
                pad_event_to=0,
                sort_keys=False,
            ),
        ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.ExtraAdder(),
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_echo,
            structlog.processors.format_exc_info,
            _without_secrets,
            *last,
        ],
    )


def _without_secrets(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """Nobody should hand a secret to a logger. Where it happens all the same, it stops here."""
    return _mapped(line, lambda _, text: _covered(text))


def _covered(text: str) -> str:
    for pattern, cover in _SECRETS:
        text = pattern.sub(cover, text)
    return text


def _on_one_line(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """One line for one message, whatever it quotes: nobody can write lines of his own, or move the cursor."""

    def escaped(name: str, text: str) -> str:
        pattern = _UNPRINTABLE_IN_TRACE if name in _LAST else _UNPRINTABLE
        return pattern.sub(lambda found: repr(found[0])[1:-1], text)

    return _mapped(line, escaped)


def _without_echo(_logger: Any, _method: str, line: EventDict) -> EventDict:
    line.pop("color_message", None)  # uvicorn's message once more, with escape sequences
    return line


def _in_order(_logger: Any, _method: str, line: EventDict) -> EventDict:
    first = {name: line.pop(name) for name in ("time", "level", "logger", "event") if name in line}
    return {**first, **line}


def _mapped(line: Mapping[str, Any], change: Callable[[str, str], str]) -> EventDict:
    return {name: change(name, value) if isinstance(value, str) else value for name, value in line.items()}
