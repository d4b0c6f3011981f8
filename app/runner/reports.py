"""What a runner tells the server, encoded once: the same text goes into the journal and over the wire."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Stream(StrEnum):
    STDOUT = "STDOUT"
    STDERR = "STDERR"
    AGENT = "AGENT"
    SYSTEM = "SYSTEM"


class Reason(StrEnum):
    EXITED = "EXITED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    TIMED_OUT = "TIMED_OUT"
    CANNOT_START = "CANNOT_START"
    RUNNER_LOST = "RUNNER_LOST"


class Kind(StrEnum):
    """What a report says; each report says one of them."""

    STARTED = "started"
    LINES = "lines"
    PAUSED = "paused"
    RESUMED = "resumed"
    SEEN = "seen"
    DELIVERED = "delivered"
    TOOL_STARTED = "toolStarted"
    TOOL_ENDED = "toolEnded"
    USAGE = "usage"
    ACTIVITY = "activity"
    SESSION = "session"
    ASKED = "asked"
    ANSWERED = "answered"
    EXITED = "exited"


def encode(value: Any) -> str:
    """JSON that can be written as UTF-8: half of a surrogate pair, which an agent's own JSON may hold, becomes a question mark."""
    encoded = _encode(value)
    return encoded if encoded.isascii() else encoded.encode(errors="replace").decode()


@dataclass(frozen=True, slots=True)
class Report:
    n: int
    kind: Kind
    encoded: str
    lines: int
    size: int


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def fact(n: int, kind: Kind, body: Any, at: str | None = None) -> Report:
    encoded = encode({"n": n, "at": at or now(), str(kind): body})
    return Report(n, kind, encoded, 0, size_of(encoded))


def line(stream: Stream, text: str, at: str) -> str:
    """One encoded log line."""
    return f'{{"stream":"{stream}","at":"{at}","text":{encode(text)}}}'


def lines(n: int, encoded_lines: list[str]) -> Report:
    encoded = f'{{"n":{n},"at":"{now()}","lines":[{",".join(encoded_lines)}]}}'
    return Report(n, Kind.LINES, encoded, len(encoded_lines), size_of(encoded))


def from_json(value: Any) -> Report | None:
    """A report as the journal kept it; None for what is none."""
    if not isinstance(value, dict) or type(value.get("n")) is not int:
        return None
    for kind in Kind:
        if kind in value:
            encoded = encode(value)
            count = len(value[kind]) if kind is Kind.LINES else 0
            return Report(value["n"], kind, encoded, count, size_of(encoded))
    return None


def size_of(encoded: str) -> int:
    return len(encoded) if encoded.isascii() else len(encoded.encode())
