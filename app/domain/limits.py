"""The published limits: what a caller may send, and what is said when it sends more."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from app.domain.errors import AppError, ErrorCode

NAME: Final = 200
KEY: Final = 200
TITLE: Final = 500
TEXT: Final = 64 * 1024
PLAN_TEXT: Final = 512 * 1024
PLAN_FILE: Final = 16 * 1024 * 1024
TASKS: Final = 200_000
OPERATIONS: Final = 1_000
ARGUMENTS: Final = 1_000
ARGUMENT: Final = 32 * 1024
PATHS: Final = 200
SUBTASKS: Final = 1_000
FINDINGS: Final = 1_000
FINDING: Final = 256 * 1024
MEMO: Final = 16 * 1024
OPTIONS: Final = 50
ENVIRONMENT: Final = 100
LABELS: Final = 20
DELIVERABLES: Final = 100
GATE_TASKS: Final = 200
CONTEXT_ITEMS: Final = 50
CONTEXT_BYTES: Final = 512 * 1024
JSON_BYTES: Final = 64 * 1024
JSON_DEPTH: Final = 64
SCHEMA_VALUES: Final = 1_000
ANSWER_CHECKS: Final = 100_000
WORKERS: Final = 1_000
ATTEMPTS: Final = 100
SECONDS: Final = 30 * 24 * 3600
PRIORITY: Final = 1_000_000
PAGE: Final = 100
STATE_LINES: Final = 2_000
STATE_BYTES: Final = 1024 * 1024
TASK_PAGE: Final = 5_000
USAGE_BUCKETS: Final = 1_000
IDEMPOTENCY_KEY: Final = 200

PUBLISHED: Final[Mapping[str, tuple[str, str]]] = {
    "NAME": ("characters", "a name: of a project, a run, a worker, a skill; an option of a question"),
    "KEY": ("characters", "the key of a task or a phase"),
    "TITLE": ("characters", "a title, a question, a reason, what a worker says it is doing"),
    "TEXT": ("characters", "a description, the detail of a question, a text given to workers"),
    "PLAN_TEXT": ("characters", "a plan given as text"),
    "PLAN_FILE": ("bytes", "a plan given by path"),
    "TASKS": ("tasks", "in a plan"),
    "OPERATIONS": (
        "items",
        "the operations of one `mutateDag`; the tasks given to one `createRun`; reports in one",
    ),
    "ARGUMENTS": ("arguments", "a command, its executable included"),
    "ARGUMENT": ("characters", "one argument, or the value of one variable"),
    "PATHS": ("globs", "the paths of a task; each of at most 4,096 characters"),
    "SUBTASKS": ("subtasks", "a task, those of its plan included"),
    "FINDINGS": ("findings", "a task"),
    "FINDING": ("characters", "the content of a finding"),
    "MEMO": ("characters", "what an agent that looks after a run wants to be told again"),
    "OPTIONS": ("options", "a question"),
    "ENVIRONMENT": ("variables", "given to a worker that is spawned"),
    "LABELS": ("labels", "asked of the host of a worker"),
    "DELIVERABLES": ("deliverables", "a phase"),
    "GATE_TASKS": ("keys", "the tasks that a gate names"),
    "CONTEXT_ITEMS": ("items", "one `injectContext`"),
    "CONTEXT_BYTES": ("bytes", "a file given to workers"),
    "JSON_BYTES": ("characters", "an answer, or the JSON Schema of one, written out"),
    "JSON_DEPTH": ("levels", "a JSON value"),
    "SCHEMA_VALUES": ("values", "the JSON Schema of an answer"),
    "ANSWER_CHECKS": ("checks", "values of the schema times values of the answer"),
    "WORKERS": ("workers", "`maxWorkers` of a run; at least 1"),
    "ATTEMPTS": ("attempts", "`maxAttempts` of a task; at least 1"),
    "SECONDS": ("seconds", "a deadline or a time-out, 30 days; at least 1"),
    "PRIORITY": ("", "`priority` of a task, above zero or below"),
    "PAGE": ("entries", "a page of a list; values of one field of a filter; ids of `nodes`"),
    "STATE_LINES": ("lines", "the query `state`; `/state.ndjson` has no limit"),
    "STATE_BYTES": ("bytes", "the lines of the query `state`, written out"),
    "TASK_PAGE": ("entries", "a page of a run's tasks"),
    "USAGE_BUCKETS": ("buckets", "the query `usage`"),
    "IDEMPOTENCY_KEY": ("characters", "an idempotency key"),
}
"""For the manual: the unit of each limit and what it holds for."""

_TURNING = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
"""What makes a text be shown in another order than it is stored: a name would not be what it looks like."""
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FORBIDDEN_ENV = frozenset({"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "ENV", "PYTHONSTARTUP"})


def too_large(what: str, limit: int, unit: str, path: Sequence[str]) -> AppError:
    return AppError(
        ErrorCode.LIMIT_EXCEEDED,
        f"{what} is over the limit of {limit:,} {unit}.",
        suggestion="Send less at a time; the limits are published in docs/reference/limits.md.",
        path=path,
    )


def invalid(message: str, path: Sequence[str], suggestion: str | None = None) -> AppError:
    return AppError(ErrorCode.INVALID_INPUT, message, path=path, suggestion=suggestion)


def name(value: str, *path: str, limit: int = NAME) -> str:
    """One line of visible text in its own direction: no control characters, no lone surrogates, in normal form C."""
    if any(unicodedata.category(character) in ("Cc", "Cs") or character in _TURNING for character in value):
        raise invalid("Control characters are not allowed here.", path, "Use one line of plain text.")
    value = unicodedata.normalize("NFC", value).strip()
    if not value:
        raise invalid("This may not be empty.", path)
    if len(value) > limit:
        raise too_large("This text", limit, "characters", path)
    return value


def is_name(value: str) -> bool:
    """Whether it is one as it stands: what another program names something by is of no use to it in any other form."""
    try:
        return name(value) == value
    except AppError:
        return False


def key(value: str, *path: str) -> str:
    return name(value, *path, limit=KEY)


def text(value: str, *path: str, limit: int = TEXT) -> str:
    """Many lines of text: tabs and line ends are fine, other control characters are not."""
    if len(value) > limit:
        raise too_large("This text", limit, "characters", path)
    for character in value:
        if character not in "\t\n\r" and unicodedata.category(character) in ("Cc", "Cs"):
            raise invalid("Control characters are not allowed here.", path)
    return value


def storable(value: str) -> str:
    """What a program has said, with U+FFFD for what no database keeps: NUL and half a surrogate pair."""
    value = value.replace("\0", "\ufffd")
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def number(value: int, *path: str, least: int, most: int) -> int:
    if not least <= value <= most:
        raise invalid(f"{value} is outside {least} to {most}.", path)
    return value


def count(values: Sequence[object], limit: int, *path: str) -> None:
    if len(values) > limit:
        raise too_large("This list", limit, "items", path)


def argv(values: Sequence[str], *path: str) -> list[str]:
    """An executable and its arguments. Nothing is ever given to a shell."""
    if not values or not values[0]:
        raise invalid("A command needs an executable.", path, 'Give it as a list: ["make", "test"].')
    count(values, ARGUMENTS, *path)
    for value in values:
        if "\0" in value:
            raise invalid("An argument may not contain a NUL character.", path)
        if len(value) > ARGUMENT:
            raise too_large("An argument", ARGUMENT, "characters", path)
        if any(unicodedata.category(character) == "Cs" for character in value):
            raise invalid("An argument holds half a surrogate pair.", path)
    name(values[0], *path, limit=ARGUMENT)
    return list(values)


def environment(values: Sequence[tuple[str, str]], *path: str) -> dict[str, str]:
    """Variables a caller adds for a worker: never Trackside's own, never what changes how programs are loaded."""
    count(values, ENVIRONMENT, *path)
    for variable, value in values:
        if not _ENV_NAME.match(variable):
            raise invalid(f"{variable!r} is not the name of an environment variable.", path)
        if variable in _FORBIDDEN_ENV or variable.startswith("TRACKSIDE_"):
            raise invalid(f"{variable} may not be set from outside.", path)
        if len(value) > ARGUMENT or any(unicodedata.category(one) == "Cs" or one == "\0" for one in value):
            raise invalid(
                f"The value of {variable} is too long or holds a NUL or half a surrogate pair.", path
            )
    return dict(values)


def later(now: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)
