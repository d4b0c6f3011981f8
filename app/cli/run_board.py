"""What a run looks like at this moment, and what is worth telling about it: both follow from its events alone."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from app.cli import text
from app.cli.run_views import MARKS, answer_with, attempt
from app.domain.attention import AttentionKind, AttentionStatus
from app.domain.runs import RunStatus
from app.domain.tasks import TaskStatus

Event = Mapping[str, Any]

SELECTION: Final = """
    type: __typename cursor at
    run { status progress { total completed failed running pending cancelled } }
    ... on RunStatusChanged { oldRunStatus newRunStatus reason }
    ... on PhaseChanged { newPhase }
    ... on TaskStatusChanged {
      oldTaskStatus newTaskStatus reason task { id key title attempts maxAttempts retryAt }
    }
    ... on WorkerReported { worker { currentActivity progress task { id } } }
    ... on AttentionOpened { item {
      id kind status title detail options { value } answerSchema defaultAnswer expiresAt task { key }
    } }
    ... on AttentionClosed { item { id status title answer answeredBy } }
    ... on DagMutated { added { key } changed { key } removed { key } }
"""

INTERRUPTED: Final = "trackside run was interrupted."
"""The reason we stop a run for: whoever interrupted us need not be told."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something to tell. A `passing` one says nothing that a live picture does not show.

    `failed` names the task whose last words are worth showing below it.
    """

    words: str
    style: str = ""
    details: tuple[str, ...] = ()
    passing: bool = False
    failed: str | None = None


@dataclass(slots=True)
class Doing:
    """A task that is being worked on."""

    key: str
    title: str
    attempt: int
    since: datetime
    activity: str = ""


@dataclass(slots=True)
class Question:
    """An item that waits for an answer."""

    id: str
    title: str
    options: tuple[str, ...]
    default: Any
    expires_at: datetime | None


@dataclass(slots=True)
class Board:
    """`tell` takes the next event and returns what to say about it. `suffix` completes the commands it names."""

    name: str
    phases: Mapping[str, str]
    suffix: str = ""
    status: str = RunStatus.CREATED
    reason: str | None = None
    phase: str | None = None
    began: datetime | None = None
    progress: Mapping[str, int] = field(default_factory=dict)
    doing: dict[str, Doing] = field(default_factory=dict)
    resting: dict[str, datetime] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)

    def tell(self, event: Event) -> list[Fact]:
        if event["run"] is not None:
            self.progress = event["run"]["progress"]
        tell = _TELLERS.get(event["type"])
        return tell(self, event) if tell is not None else []

    # ------------------------------------------------------------------ the run

    def _run(self, event: Event) -> list[Fact]:
        old, self.status, self.reason = self.status, event["newRunStatus"], event["reason"]
        if self.status == RunStatus.ACTIVE and self.began is None:
            self.began = text.moment(event["at"])
            return []
        why = f": {self.reason}" if self.reason else "."
        if self.reason == INTERRUPTED:
            return []
        match self.status:
            case RunStatus.PAUSING | RunStatus.PAUSED | RunStatus.STOPPING:
                return [Fact(f"The run is {self.status.lower()}{why}", "yellow")]
            case RunStatus.ACTIVE if old in (RunStatus.PAUSED, RunStatus.PAUSING):
                return [Fact("The run goes on.")]
        return []

    def _phase(self, event: Event) -> list[Fact]:
        self.phase = event["newPhase"]
        if len(self.phases) == 1:
            return []
        title = text.printable(self.phases.get(self.phase or "", self.phase or ""))
        return [Fact(title if title.lower().startswith("phase") else f"Phase {title}", "bold")]

    def _dag(self, event: Event) -> list[Fact]:
        words = [
            f"{word} {', '.join(task['key'] for task in event[word])}"
            for word in ("added", "changed", "removed")
            if event[word]
        ]
        return [Fact(text.printable(f"The DAG was changed: {'; '.join(words)}."))]

    # ------------------------------------------------------------------ tasks

    def _task(self, event: Event) -> list[Fact]:
        task, new = event["task"], event["newTaskStatus"]
        if task is None:
            return []
        at, was = text.moment(event["at"]), self.doing.get(task["id"])
        self.resting.pop(task["id"], None)
        if new in (TaskStatus.RUNNING, TaskStatus.WAITING_FOR_INPUT):
            if was is not None:
                return []
            self.doing[task["id"]] = Doing(task["key"], task["title"], task["attempts"], at)
            return [_fact(TaskStatus.RUNNING, task, _attempt(task), passing=True)]
        self.doing.pop(task["id"], None)
        took = f"  {text.duration((at - was.since).total_seconds())}" if was is not None else ""
        return self._ended(event, task, took)

    def _ended(self, event: Event, task: Event, took: str) -> list[Fact]:
        why = text.printable(event["reason"] or "")
        match event["newTaskStatus"]:
            case TaskStatus.COMPLETED:
                return [_fact(TaskStatus.COMPLETED, task, took)]
            case TaskStatus.FAILED:
                return [_fact(TaskStatus.FAILED, task, took, why, failed=task["id"])]
            case TaskStatus.READY if why:
                if task["retryAt"] is not None:
                    self.resting[task["id"]] = text.moment(task["retryAt"])
                words = f"↻ {_name(task)}{took}"
                return [Fact(words, "yellow", (why,), failed=task["id"])]
            case TaskStatus.SKIPPED | TaskStatus.BLOCKED as status:
                return [_fact(status, task, f"  {status.lower()}", why)]
        return []

    def _report(self, event: Event) -> list[Fact]:
        worker = event["worker"]
        task = worker["task"] if worker is not None else None
        if task is not None and (doing := self.doing.get(task["id"])) is not None:
            percent = f"{worker['progress']} % " if worker["progress"] is not None else ""
            doing.activity = text.printable(f"{percent}{worker['currentActivity'] or ''}").strip()
        return []

    # ------------------------------------------------------------------ questions

    def _opened(self, event: Event) -> list[Fact]:
        item = event["item"]
        if item is None or item["status"] != AttentionStatus.OPEN:
            return []
        options = tuple(option["value"] for option in item["options"])
        expires = text.moment(item["expiresAt"]) if item["expiresAt"] else None
        self.questions[item["id"]] = Question(
            item["id"], item["title"], options, item["defaultAnswer"], expires
        )
        about = f" ({item['task']['key']})" if item["task"] is not None else ""
        # of a task that has failed, its last words were told with it
        told_already = item["kind"] == AttentionKind.FAILURE and item["task"] is not None
        details = [] if told_already else (item["detail"] or "").splitlines()
        if options:
            details.append(" | ".join(options))
        if expires is not None:
            left = text.duration((expires - text.moment(event["at"])).total_seconds())
            details.append(f"unless it is answered in {left}: {_said(item['defaultAnswer'])}")
        details.append(f"Answer it: {answer_with(item['id'], options, suffix=self.suffix)}")
        words = text.printable(f"? {item['title']}{about}")
        return [Fact(words, "bold yellow", tuple(text.printable(one) for one in details))]

    def _closed(self, event: Event) -> list[Fact]:
        item = event["item"]
        if item is None:
            return []
        known = self.questions.pop(item["id"], None)
        if item["status"] == AttentionStatus.DISMISSED:
            words = "nobody answers it any more"
        elif item["status"] == AttentionStatus.EXPIRED:
            words = f"its deadline has passed: {_said(item['answer'])}"
        else:
            words = f"{_said(item['answer'])}, says {item['answeredBy']}"
        title = known.title if known is not None else item["title"]
        return [Fact(text.printable(f"! {title}  {words}"), "yellow")]


_TELLERS: Final[dict[str, Callable[[Board, Event], list[Fact]]]] = {
    "RunStatusChanged": Board._run,
    "PhaseChanged": Board._phase,
    "TaskStatusChanged": Board._task,
    "WorkerReported": Board._report,
    "AttentionOpened": Board._opened,
    "AttentionClosed": Board._closed,
    "DagMutated": Board._dag,
}


def _fact(
    status: TaskStatus,
    task: Event,
    more: str = "",
    why: str = "",
    *,
    passing: bool = False,
    failed: str | None = None,
) -> Fact:
    mark, style = MARKS[status]
    return Fact(f"{mark} {_name(task)}{more}", style, (why,) if why else (), passing=passing, failed=failed)


def _name(task: Event) -> str:
    return text.printable(f"{task['key']}  {task['title']}")


def _attempt(task: Event) -> str:
    return f"  {attempt(task)}" if task["attempts"] > 1 else ""


def _said(answer: Any) -> str:
    if answer is None:
        return "no answer"
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
