"""What an agent is told that looks after a run where another process, or it itself, has left off. Bounded in size."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from app.domain.saved_states import Conversation, SavedState

OPEN_QUESTIONS: Final = 30
SETTLED_QUESTIONS: Final = 20
TASKS: Final = 30
REQUESTS: Final = 10
NEWS: Final = 30
"""How many of each are told."""

_LINE: Final = 120
_LONG: Final = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of this supervisor, as it stands now. `is_new` where it was settled after the state was saved."""

    id: str
    title: str
    status: str
    is_open: bool
    is_new: bool = False
    options: tuple[str, ...] = ()
    answer: Any = None
    answered_by: str | None = None


@dataclass(frozen=True, slots=True)
class Awaited:
    id: str
    key: str
    title: str
    status: str
    is_finished: bool


@dataclass(frozen=True, slots=True)
class Request:
    """Something that the agent has sent, and what became of it."""

    at: datetime
    verb: str
    status: str
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is so now, whatever was saved. `news` is what has happened since the conversation; `more` where that is not all."""

    run_id: str
    run: str
    status: str
    reason: str | None = None
    phase: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    questions: Sequence[Asked] = ()
    tasks: Sequence[Awaited] = ()
    requests: Sequence[Request] = ()
    news: Sequence[str] = ()
    more: bool = False


def compose(facts: Facts, state: SavedState | None, conversation: Conversation | None) -> str:
    """Markdown, for an agent to begin with."""
    parts = [f"# Looking after the run {_short(facts.run)} again", *_beginning(state)]
    if conversation is not None and conversation.memo:
        parts += ["## Your notes", conversation.memo]
    for title, lines in (
        ("Questions that still wait for an answer", _open_questions(facts.questions)),
        ("Questions that were answered", _settled_questions(facts.questions)),
        ("Tasks that you waited for", [_task(task) for task in facts.tasks[:TASKS]]),
        ("What you asked for last", [_request(request) for request in facts.requests[:REQUESTS]]),
        ("What has happened since", _news(facts)),
        ("The run now", _run(facts)),
        ("Go on", list(_advice(facts, conversation))),
    ):
        if lines:
            parts += [f"## {title}", "\n".join(f"- {line}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def _beginning(state: SavedState | None) -> list[str]:
    if state is None:
        return ["Nothing is known of how the one before you stood: begin from what the run is now."]
    where = f" in phase {_short(state.phase)}" if state.phase else ""
    did = f": {_cut(state.activity, _LONG)}" if state.activity else ""
    return [
        "An earlier process looked after this run and has ended. This is how it stood, and how things stand now.",
        f"It was {state.state}{where}, {state.progress}%{did} (saved at {_at(state.at)}, {state.point}).",
    ]


def _open_questions(questions: Sequence[Asked]) -> list[str]:
    found = [one for one in questions if one.is_open]
    return [f"{one.id}: {_cut(one.title, _LONG)}{_options(one)}" for one in found[:OPEN_QUESTIONS]]


def _settled_questions(questions: Sequence[Asked]) -> list[str]:
    found = [one for one in questions if not one.is_open]
    return [_settled(one) for one in found[:SETTLED_QUESTIONS]]


def _settled(one: Asked) -> str:
    answer = one.answer if isinstance(one.answer, str) else json.dumps(one.answer, ensure_ascii=False)
    said = f"{_cut(answer, _LONG)}" if one.answer is not None else f"no answer ({one.status})"
    by = f", by {_short(one.answered_by)}" if one.answered_by else ""
    return f"{one.id}: {_short(one.title)} → {said}{by}{', since then' if one.is_new else ''}"


def _options(one: Asked) -> str:
    return f" [{_cut(' | '.join(one.options), _LINE)}]" if one.options else ""


def _task(task: Awaited) -> str:
    return f"{_short(task.key)} ({task.id}): {task.status}. {_short(task.title)}"


def _request(request: Request) -> str:
    return f"{_at(request.at)} {request.verb}: {request.status}{f', {_cut(request.about, _LONG)}' if request.about else ''}"


def _news(facts: Facts) -> list[str]:
    lines = [_cut(line, 2 * _LINE) for line in facts.news[-NEWS:]]
    if facts.more or len(facts.news) > NEWS:
        lines.insert(0, "More than this: the query `events` has all of it.")
    return lines


def _run(facts: Facts) -> list[str]:
    counts = ", ".join(f"{number} {status}" for status, number in facts.counts.items() if number)
    why = f": {_cut(facts.reason, _LONG)}" if facts.reason else ""
    lines = [f"{facts.run_id} is {facts.status}{why}"]
    lines += [f"Its phase is {_short(facts.phase)}."] if facts.phase else []
    return [*lines, f"Tasks: {counts or 'none'}."]


def _advice(facts: Facts, conversation: Conversation | None) -> Iterator[str]:
    yield "Send `heartbeat` first, then every 30 seconds or as often as its answer says."
    if any(one.is_open for one in facts.questions):
        yield "Do not ask again what waits: the item stands. Asked in the same words it is the same item."
    if any(not one.is_finished for one in facts.tasks):
        yield "Wait for the tasks that are not over: they go on by themselves."
    if facts.requests:
        yield "What you asked for has happened. Sent again with the same idempotency key, it is answered again and not done twice."
    if conversation is not None and conversation.session_id:
        yield f"Your own session was {_short(conversation.session_id)}."


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


def _short(value: str) -> str:
    return _cut(value, _LINE)


def _cut(value: str, size: int) -> str:
    """One line, of at most so many characters."""
    line = " ".join(value.split())
    return line if len(line) <= size else f"{line[: size - 1]}…"
