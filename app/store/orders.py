"""What a runner is told: what its worker is, what is wanted of it, what waits for its inbox."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.commands import CommandStatus
from app.domain.errors import AppError, ErrorCode
from app.domain.workers import LIVE, WorkerStatus
from app.store import attention, commands, context, events, projects, runs, usage, workers
from app.store.db import Tx
from app.store.tables import ContextItemRow, WorkerRow

INBOX_CHARACTERS: Final = 2 * 1024 * 1024
"""How much goes to a runner at once; the rest follows when that is delivered. A message has to fit into a socket."""


@dataclass(frozen=True, slots=True)
class InboxFile:
    id: str
    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Orders:
    worker_id: str
    role: str
    fence: int
    revision: int
    accepted_reports: int
    desire: str
    grace_seconds: int
    waiting: bool
    runtime: dict[str, Any]
    environment: dict[str, str]
    root: str
    prompt: str
    skill: str | None
    session_id: str | None
    session_cost: int
    """Of the workers before it that had the session."""
    timeout_seconds: int | None
    project_id: str
    run_id: str
    task_id: str | None
    inbox: Sequence[InboxFile]
    answers: Sequence[tuple[str, Any]]
    """To requests for permission that its agent has no answer to yet."""
    has_requests: bool
    """Whether a client's request has not been sent to the runner yet."""


def read(tx: Tx, worker_id: str, fence: int) -> tuple[int, Orders]:
    """The orders with the position of the log that they belong to. STALE_FENCE where the worker is over."""
    position = events.head(tx)
    worker = workers.get(tx, worker_id)
    if worker.fence != fence:
        raise AppError(ErrorCode.STALE_FENCE, f"Worker {worker_id} with fence {fence} is over.")
    run = runs.get(tx, worker.run_id)
    project = projects.get(tx, run.project_id)
    live = worker.status in LIVE
    return position, Orders(
        worker_id=worker.id,
        role=worker.role,
        fence=worker.fence,
        revision=worker.revision,
        accepted_reports=worker.reports,
        desire=worker.desire,
        grace_seconds=worker.grace_seconds,
        waiting=worker.status == WorkerStatus.WAITING_FOR_INPUT,
        runtime=worker.runtime,
        environment=worker.environment,
        root=project.root,
        prompt=worker.prompt,
        skill=worker.skill,
        session_id=worker.session_id,
        session_cost=_session_cost(tx, worker),
        timeout_seconds=worker.timeout_seconds,
        project_id=project.id,
        run_id=run.id,
        task_id=worker.task_id,
        inbox=[_file(number, item) for number, item in _inbox(tx, worker_id)] if live else [],
        answers=list(_answers(tx, worker)) if live else [],
        has_requests=any(
            command.status == CommandStatus.REQUESTED for command in commands.under_way(tx, worker_id)
        ),
    )


def _answers(tx: Tx, worker: WorkerRow) -> Iterator[tuple[str, Any]]:
    for request, item_id in worker.asking.items():
        item = attention.find(tx, item_id) if item_id else None
        if item is None or item.answered_at is not None:
            yield request, item.answer if item is not None else None


def _session_cost(tx: Tx, worker: WorkerRow) -> int:
    if worker.session_id is None:
        return 0
    sums = usage.sums_of(tx, workers.others_in_session(tx, worker))
    return sum(amounts.cost for amounts in sums.values() if amounts is not None)


def _inbox(tx: Tx, worker_id: str) -> list[tuple[int, ContextItemRow]]:
    """What is not delivered yet, numbered among everything this worker was given."""
    everything = context.of_workers(tx, [worker_id])[worker_id]
    waiting = [(number, item) for number, item in enumerate(everything, 1) if item.delivered_at is None]
    room = INBOX_CHARACTERS
    for position, (_, item) in enumerate(waiting):
        room -= len(item.content)
        if room < 0 and position:
            return waiting[:position]
    return waiting


def _file(number: int, item: ContextItemRow) -> InboxFile:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", item.path or "text.md").strip("-.")[-80:] or "file"
    return InboxFile(item.id, f"{number:04d}-{name}", item.content)
