"""What is kept of an agent that looks after a run, so that another process can go on where it stood."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from app.domain.supervisors import SupervisorState

FORMAT: Final = 1
"""Grows when a saved state of before can no longer be read as one of now."""

KEPT: Final = 5
"""How many states of a supervisor are kept, beside that of its last heartbeat."""


class SavePoint(StrEnum):
    """What a state was saved with, in the same transaction."""

    RESPONSE = "RESPONSE"
    SPAWN = "SPAWN"
    QUESTION = "QUESTION"
    PHASE_CHANGE = "PHASE_CHANGE"
    HEARTBEAT = "HEARTBEAT"
    SYNC = "SYNC"


SAVED_WITH: Final[Mapping[SavePoint, str]] = {
    SavePoint.RESPONSE: "what the agent had sent",
    SavePoint.SPAWN: "a worker that it had spawned",
    SavePoint.QUESTION: "a question",
    SavePoint.PHASE_CHANGE: "a change of phase",
    SavePoint.HEARTBEAT: "a heartbeat",
    SavePoint.SYNC: "syncSupervisor",
}
"""For people; after "saved with"."""

OF_VERBS: Final[Mapping[str, SavePoint | None]] = {
    "spawnWorker": SavePoint.SPAWN,
    "askQuestion": SavePoint.QUESTION,
    "syncSupervisor": None,
}
"""With what the requests of a supervising agent are saved: RESPONSE where nothing is said here, None where they save themselves."""


class Flaw(StrEnum):
    """Why a saved state is not gone on from."""

    ALTERED = "ALTERED"
    UNREADABLE = "UNREADABLE"
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    MALFORMED = "MALFORMED"
    MISPLACED = "MISPLACED"
    TASKS_GONE = "TASKS_GONE"
    PHASE_GONE = "PHASE_GONE"


FLAWS: Final[Mapping[Flaw, str]] = {
    Flaw.ALTERED: "was altered after it was written",
    Flaw.UNREADABLE: "cannot be read",
    Flaw.UNKNOWN_FORMAT: "is in a format that this server does not know",
    Flaw.MALFORMED: "lacks something, or holds what does not belong there",
    Flaw.MISPLACED: "is that of another supervisor, or of another moment",
    Flaw.TASKS_GONE: "waits for tasks that are not there",
    Flaw.PHASE_GONE: "is at a phase that is not there",
}
"""For people; after "It" or the number of the state."""


class Unusable(Exception):
    """A saved state that is not gone on from."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(f"It {FLAWS[flaw]}.")
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the agent asked to be told again, its own session, and how far the log was when it said so."""

    memo: str | None
    session_id: str | None
    position: int


@dataclass(frozen=True, slots=True)
class SavedState:
    """A heartbeat's state is light: it has no conversation.

    What was asked and answered is in no state: questions are kept by themselves, and outlast any that is damaged.
    """

    supervisor: str
    n: int
    point: SavePoint
    at: datetime
    state: SupervisorState
    phase: str | None
    activity: str | None
    progress: int
    pending_tasks: tuple[str, ...]
    position: int
    conversation: Conversation | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A saved state as the database holds it."""

    n: int
    body: bytes
    digest: bytes


def seal(state: SavedState) -> Kept:
    values = {name: getattr(state, name) for name in _names(SavedState)}
    values["at"] = state.at.isoformat()
    if state.conversation is not None:
        values["conversation"] = {name: getattr(state.conversation, name) for name in _names(Conversation)}
    body = json.dumps({"format": FORMAT, **values}, sort_keys=True).encode()
    return Kept(state.n, body, _digest(body))


def unseal(kept: Kept, *, supervisor: str) -> SavedState:
    """Unusable where it is not what was written, or not for this supervisor."""
    if _digest(kept.body) != kept.digest:
        raise Unusable(Flaw.ALTERED)
    try:
        values = json.loads(kept.body)
    except ValueError:
        raise Unusable(Flaw.UNREADABLE) from None
    if not isinstance(values, dict):
        raise Unusable(Flaw.MALFORMED)
    if values.pop("format", None) != FORMAT:
        raise Unusable(Flaw.UNKNOWN_FORMAT)
    state = _read(values)
    if state.n != kept.n or state.supervisor != supervisor:
        raise Unusable(Flaw.MISPLACED)
    return state


def _read(values: dict[str, Any]) -> SavedState:
    try:
        conversation = values.pop("conversation")
        return SavedState(
            **_checked(values, _STATE),
            conversation=Conversation(**_checked(conversation, _CONVERSATION)) if conversation else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Unusable(Flaw.MALFORMED) from None


def _checked(values: dict[str, Any], shape: Mapping[str, Any]) -> dict[str, Any]:
    if values.keys() != shape.keys():
        raise ValueError("other fields than expected")
    return {name: read(values[name]) for name, read in shape.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("no number")
    return value


def _maybe(value: Any) -> str | None:
    return None if value is None else _text(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return tuple(map(_text, value))


_STATE: Final[Mapping[str, Any]] = {
    "supervisor": _text,
    "n": _number,
    "point": SavePoint,
    "at": datetime.fromisoformat,
    "state": SupervisorState,
    "phase": _maybe,
    "activity": _maybe,
    "progress": _number,
    "pending_tasks": _texts,
    "position": _number,
}
_CONVERSATION: Final[Mapping[str, Any]] = {"memo": _maybe, "session_id": _maybe, "position": _number}


def _names(kind: type[SavedState] | type[Conversation]) -> list[str]:
    return [field.name for field in fields(kind)]


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()
