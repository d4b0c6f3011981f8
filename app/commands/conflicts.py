"""Two tasks that mean to change the same paths do not start together: asked about, put in order, or allowed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from app import store
from app.commands import claims, items, moves
from app.domain import globs
from app.domain.attention import AttentionKind, AttentionMove
from app.domain.conflicts import ConflictAnswer, ConflictPolicy
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.tasks import TaskMove, TaskStatus
from app.store.db import Tx
from app.store.tables import AttentionRow, RunRow, TaskRow


@dataclass
class Watch:
    """Decides for one run, during one turn of the scheduler, which ready tasks may start."""

    tx: Tx
    run: RunRow
    ordered: int = 0
    lines: dict[str, list[TaskRow]] = field(default_factory=dict)
    """Who was put in order behind a task that is at work, one behind the other."""

    @cached_property
    def at_work(self) -> list[TaskRow]:
        return claims.at_work(self.tx, self.run)

    @cached_property
    def asked_about(self) -> frozenset[str]:
        return store.attention.held_back(self.tx, self.run)

    @cached_property
    def let_through(self) -> frozenset[str]:
        return store.attention.let_through(self.tx, self.run.id)

    def admits(self, task: TaskRow) -> bool:
        """Whether nothing is in the way of a task. If something is, what the run's policy says is done about it."""
        if self.run.conflict_policy == ConflictPolicy.ALLOW or not task.paths:
            return True
        if task.id in self.asked_about:
            return False
        others = claims.in_the_way(task, self.at_work)
        if others:  # only then is it looked up who may start beside whom
            others = [other for other in others if claims.key_of(task, other) not in self.let_through]
        if not others:
            return True
        other = others[0]
        if (
            other.status == TaskStatus.CANCELLED
        ):  # its worker is being ended: no time to ask, and nobody could wait for it
            return False
        if self.run.conflict_policy == ConflictPolicy.SERIALIZE:
            self._put_in_order(task, other)
        else:
            _ask(self.tx, self.run, task, other)
        return False

    def started(self, task: TaskRow) -> None:
        if self.run.conflict_policy != ConflictPolicy.ALLOW and task.paths and task not in self.at_work:
            self.at_work.append(task)

    def _put_in_order(self, task: TaskRow, other: TaskRow) -> None:
        """Behind the last of those that were put behind `other`: one edge for each, not one for each pair."""
        if self.ordered >= self.run.max_workers:
            return  # no more at a time than could start: what is far behind has its turn later
        self.ordered += 1
        line = self.lines.setdefault(other.id, [other])
        last = next(one for one in reversed(line) if globs.overlap(task.paths, one.paths) is not None)
        if order(self.tx, self.run, task, last):
            line.append(task)
        else:
            _ask(self.tx, self.run, task, other)


def order(tx: Tx, run: RunRow, task: TaskRow, needed: TaskRow) -> bool:
    """Have a task wait for another. False, and nothing done, where that one waits for it: it was begun before that was so."""
    tx.session.flush()
    if store.tasks.waits_for(tx, needed, task):
        return False
    store.tasks.add_edge(tx, task, needed)
    _deepen(tx, task, needed.depth + 1)
    moves.touch(tx, run)
    store.events.append(
        tx, EventKind.DAG_MUTATED, run=run, version=run.version, added=[], changed=[task.id], removed=[]
    )
    moves.recount(tx, run, task)
    return True


def settled(tx: Tx, run: RunRow, item: AttentionRow, move: AttentionMove) -> None:
    """The question what becomes of two tasks was closed. Without an answer they go on, as who asks without one does."""
    first, second = claims.tasks_of(tx, item)
    if move is not AttentionMove.ANSWER or item.answer == ConflictAnswer.PARALLELIZE:
        return
    run.version += 1
    if item.answer == ConflictAnswer.SKIP:
        moves.move_task(tx, run, second, TaskMove.SKIP, reason=f"{first.key} changes the same paths.")
    elif not order(tx, run, second, first):
        raise AppError(
            ErrorCode.DAG_CYCLE,
            f"{first.key} waits for {second.key}, and cannot be waited for by it.",
            suggestion=f"Answer {ConflictAnswer.PARALLELIZE} or {ConflictAnswer.SKIP}, or wait until {first.key} has ended.",
            details={"cycle": [second.key, first.key, second.key]},
        )


def follow_policy(tx: Tx, run: RunRow) -> None:
    """A new policy is for what is asked already, too."""
    if run.conflict_policy == ConflictPolicy.ASK or not run.open_attention:
        return
    tx.session.flush()
    for item in store.attention.open_conflicts(tx, run.id):
        first, second = claims.tasks_of(tx, item)
        if run.conflict_policy == ConflictPolicy.ALLOW or order(tx, run, second, first):
            items.close_item(tx, run, item, AttentionMove.DISMISS)


def refuse(tx: Tx, run: RunRow, task: TaskRow) -> None:
    """A worker that is started by hand, too, keeps away from what others are at work on: who may start one may be an agent."""
    if run.conflict_policy == ConflictPolicy.ALLOW or not task.paths:
        return
    watch = Watch(tx, run)
    others = [
        other
        for other in claims.in_the_way(task, watch.at_work)
        if claims.key_of(task, other) not in watch.let_through
    ]
    item = store.attention.held_back_by(tx, task.id)
    if item is not None:
        others.insert(0, claims.tasks_of(tx, item)[0])
    if not others:
        return
    way = (
        f"answerAttention {item.id} with {ConflictAnswer.PARALLELIZE}"
        if item is not None
        else f"configureRun with conflictPolicy {ConflictPolicy.ALLOW}"
    )
    raise AppError(
        ErrorCode.INVALID_TRANSITION,
        f"Task {task.key} means to change paths that {others[0].key} is at work on.",
        suggestion=f"Wait for {others[0].key}, or {way}.",
        path=["input", "taskId"],
    )


def _ask(tx: Tx, run: RunRow, task: TaskRow, other: TaskRow) -> None:
    """Ask people, but not about more tasks at a time than the run could start."""
    if store.attention.count_open(tx, run.id, AttentionKind.CONFLICT) >= run.max_workers:
        return
    circle = store.tasks.waits_for(tx, other, task)
    answers = [answer for answer in ConflictAnswer if not (circle and answer is ConflictAnswer.SERIALIZE)]
    items.put(
        tx,
        run,
        AttentionKind.CONFLICT,
        key=claims.key_of(task, other),
        title=f"Task {task.key} means to change paths that {other.key} is at work on: what becomes of it?",
        detail=_detail(task, other, answers),
        options=list(answers),
        tasks=[task],
        subject={"first": other.id, "second": task.id},
    )


def _detail(task: TaskRow, other: TaskRow, answers: Sequence[ConflictAnswer]) -> str:
    mine, theirs = globs.overlap(task.paths, other.paths) or ("", "")
    meanings = {
        ConflictAnswer.SERIALIZE: f"{task.key} waits for {other.key}, and depends on it from now on.",
        ConflictAnswer.PARALLELIZE: f"{task.key} starts now, beside {other.key}.",
        ConflictAnswer.SKIP: f"{task.key} is left out.",
    }
    return "\n".join(
        [
            f"{task.key} ({task.title}): {mine}",
            f"{other.key} ({other.title}): {theirs}",
            *(f"{answer}: {meanings[answer]}" for answer in answers),
            f"Without an answer {task.key} waits until {other.key} has ended. "
            "To answer for all tasks of the run, set its conflictPolicy to SERIALIZE or ALLOW.",
        ]
    )


def _deepen(tx: Tx, task: TaskRow, least: int) -> None:
    """Keep every task deeper than what it waits for."""
    depths = store.tasks.deepened(tx, task, least)
    for id, one in store.tasks.by_ids(tx, list(depths)).items():
        one.depth = depths[id]
