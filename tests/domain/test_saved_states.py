"""Saved states: what is written is read again, and whatever else stands there is refused by name."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from app.domain.saved_states import (
    FLAWS,
    SAVED_WITH,
    Conversation,
    Flaw,
    Kept,
    SavedState,
    SavePoint,
    Unusable,
    seal,
    unseal,
)
from app.domain.supervisors import SupervisorState

STATE: Final = SavedState(
    supervisor="sup_1",
    n=7,
    point=SavePoint.SPAWN,
    at=datetime(2026, 1, 1, 12, tzinfo=UTC),
    state=SupervisorState.WAITING_FOR_TASKS,
    phase="build",
    activity="Zwölf Boxkämpfer",
    progress=40,
    pending_tasks=("task_1", "task_2"),
    position=99,
    conversation=Conversation("Red, not blue.", "ses_1", 80),
)


def flaw(kept: Kept, supervisor: str = "sup_1") -> Flaw:
    with pytest.raises(Unusable) as unusable:
        unseal(kept, supervisor=supervisor)
    assert FLAWS[unusable.value.flaw] in str(unusable.value)
    return unusable.value.flaw


def sealed(values: Any) -> Kept:
    """Written by another program, with a digest that fits."""
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    return Kept(7, body, hashlib.sha256(body).digest())


def values(**changes: Any) -> dict[str, Any]:
    return {**json.loads(seal(STATE).body), **changes}


@pytest.mark.parametrize(
    "state",
    [
        STATE,
        replace(STATE, conversation=None, pending_tasks=(), phase=None, activity=None),
        replace(STATE, conversation=Conversation(None, None, 0), point=SavePoint.HEARTBEAT),
    ],
)
def test_what_is_written_is_read_again(state: SavedState) -> None:
    assert unseal(seal(state), supervisor="sup_1") == state


def test_no_byte_can_be_altered() -> None:
    kept = seal(STATE)
    for place in range(len(kept.body)):
        body = bytearray(kept.body)
        body[place] ^= 1
        assert flaw(replace(kept, body=bytes(body))) is Flaw.ALTERED
    assert flaw(replace(kept, body=kept.body[:-1])) is Flaw.ALTERED
    assert flaw(replace(kept, digest=b"")) is Flaw.ALTERED


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (sealed(b""), Flaw.UNREADABLE),
        (sealed(b"\xff\xfe\x00"), Flaw.UNREADABLE),
        (sealed(b"{"), Flaw.UNREADABLE),
        (sealed([]), Flaw.MALFORMED),
        (sealed(None), Flaw.MALFORMED),
        (sealed({}), Flaw.UNKNOWN_FORMAT),
        (sealed(values(format=2)), Flaw.UNKNOWN_FORMAT),
        (sealed({"format": 1}), Flaw.MALFORMED),
        (sealed(values(more=1)), Flaw.MALFORMED),
        (sealed(values(n="7")), Flaw.MALFORMED),
        (sealed(values(progress=True)), Flaw.MALFORMED),
        (sealed(values(point="NAP")), Flaw.MALFORMED),
        (sealed(values(state="ASLEEP")), Flaw.MALFORMED),
        (sealed(values(at="yesterday")), Flaw.MALFORMED),
        (sealed(values(at=5)), Flaw.MALFORMED),
        (sealed(values(phase=5)), Flaw.MALFORMED),
        (sealed(values(pending_tasks="task_1")), Flaw.MALFORMED),
        (sealed(values(pending_tasks=[1])), Flaw.MALFORMED),
        (sealed(values(conversation=[1])), Flaw.MALFORMED),
        (sealed(values(conversation={"memo": "x"})), Flaw.MALFORMED),
        (sealed(values(n=8)), Flaw.MISPLACED),
        (sealed(values(supervisor="sup_2")), Flaw.MISPLACED),
    ],
)
def test_what_cannot_be_gone_on_from_is_told_by_name(kept: Kept, expected: Flaw) -> None:
    assert flaw(kept) is expected


def test_everything_has_words() -> None:
    assert set(FLAWS) == set(Flaw)
    assert set(SAVED_WITH) == set(SavePoint)
