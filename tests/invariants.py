"""What has to hold in any database, whatever was done to it and in whatever order."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import JSON, Table, Text
from sqlmodel import SQLModel

from app.commands.moves import COUNTERS
from app.domain.commands import UNDER_WAY
from app.domain.phases import OPEN, PhaseStanding, PhaseStatus, TaskRequirement, gate_holds, next_phase_move
from app.domain.runs import ENDED, RunStatus, Standing, Urgency, next_move
from app.domain.supervisors import BUILT_IN, OVER
from app.domain.tasks import FINISHED, SATISFIES, TaskStatus
from app.domain.usage import Amounts
from app.domain.workers import LIVE, Desire, WorkerStatus
from app.store.db import Tx
from tests.story import Story

Row = Any
AMOUNTS = tuple(Amounts.__dataclass_fields__)
R, T, W = RunStatus, TaskStatus, WorkerStatus


@dataclass
class Look:
    """Every row of the small tables, read once."""

    rows: dict[str, dict[str, Row]]
    needs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    askers: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    of_run: dict[str, dict[str, list[Row]]] = field(default_factory=dict)
    used: list[Row] = field(default_factory=list)
    sums: dict[str, Row] = field(default_factory=dict)

    def __getattr__(self, table: str) -> dict[str, Row]:
        return self.rows[table]

    def held_by(self, worker_id: str) -> list[Row]:
        """Open items that a worker waits for."""
        return [
            item
            for item in self.attention.values()
            if item.status == "OPEN" and any(asker.worker_id == worker_id for asker in self.askers[item.id])
        ]


def look(tx: Tx) -> Look:
    connection = tx.session.connection()

    def read(name: str) -> list[Row]:
        """As the driver gives them: no rule looks into a value that would have to be decoded."""
        columns = ", ".join(f'"{column.name}"' for column in _columns(SQLModel.metadata.tables[name]))
        return list(connection.exec_driver_sql(f'SELECT {columns} FROM "{name}"'))

    names = (
        "run",
        "phase",
        "deliverable",
        "task",
        "worker",
        "attention",
        "command",
        "context_item",
        "supervisor",
    )
    found = Look({name: {row.id: row for row in read(name)} for name in names})
    found.used = read("usage")
    found.sums = {row.owner_id: row for row in read("usage_sum")}
    for edge in read("dependency"):
        found.needs[edge.task_id].add(edge.needs_id)
    for asker in read("asker"):
        found.askers[asker.attention_id].append(asker)
    for run_id in found.run:
        found.of_run[run_id] = {
            name: [row for row in found.rows[name].values() if row.run_id == run_id]
            for name in ("phase", "deliverable", "task", "worker", "attention")
        }
    return found


def _columns(table: Table) -> list[Any]:
    """All but the bulky ones, which no rule looks at."""
    return [
        column
        for column in table.c
        if not isinstance(column.type, Text | JSON) or column.name in ("runtime", "gate_tasks")
    ]


def check(tx: Tx, story: Story | None = None) -> Look:
    """AssertionError with everything that does not hold. With `story`, only events it has not seen are read."""
    story = story or Story()
    story.read(tx)
    seen = look(tx)
    found = [complaint for rule in RULES for complaint in rule(seen)]
    found += story.complaints
    found += events_tell_what_is(seen, story)
    found += events_tell_of_deliverables(seen, story)
    found += events_tell_of_supervisors(seen, story)
    assert not found, "\n".join(found)
    return seen


Rule = Callable[[Look], Iterator[str]]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def events_tell_of_deliverables(seen: Look, story: Story) -> Iterator[str]:
    for row in seen.deliverable.values():
        if story.deliverables.get(row.id, "PENDING") != row.status:
            yield f"deliverable {row.key} is {row.status}, but the events say {story.deliverables.get(row.id)}"
        if (row.changed_by is None) != (row.status == "PENDING"):
            yield f"deliverable {row.key} is {row.status}, changed by {row.changed_by}"


def events_tell_of_supervisors(seen: Look, story: Story) -> Iterator[str]:
    for row in seen.supervisor.values():
        if story.status.get(row.id) != row.state:
            yield f"supervisor {row.id} is {row.state}, but the last event says {story.status.get(row.id)}"


def events_tell_what_is(seen: Look, story: Story) -> Iterator[str]:
    for noun in ("run", "worker", "task"):
        for row in seen.rows[noun].values():
            told = story.status.get(row.id)
            if told is not None and told != row.status:
                yield f"{row.id} is {row.status}, but the last event says {told}"
            if told is None and noun != "task":
                yield f"no event tells of {row.id}"
    for row in seen.command.values():
        if story.commands.get(row.id) != row.status:
            yield f"command {row.verb} is {row.status}, but the last event says {story.commands.get(row.id)}"
    for run in seen.run.values():
        phase = seen.phase.get(run.phase_id)
        if (phase.key if phase else None) != story.phase.get(run.id):
            yield f"{run.id} is in phase {phase and phase.key}, but the log says {story.phase.get(run.id)}"


# ---------------------------------------------------------------- counters


@rule
def counters_are_what_they_count(seen: Look) -> Iterator[str]:
    for run in seen.run.values():
        rows = seen.of_run[run.id]
        real: Counter[str] = Counter(task.status for task in rows["task"])
        expected = {column: real[status] for status, column in COUNTERS.items()}
        expected["live_workers"] = sum(worker.status in LIVE for worker in rows["worker"])
        expected["open_attention"] = sum(item.status == "OPEN" for item in rows["attention"])
        for column, number in expected.items():
            if getattr(run, column) != number:
                yield f"{run.id} counts {getattr(run, column)} {column}, but there are {number}"
        for phase in rows["phase"]:
            for column, number in counted_in(phase, rows).items():
                if getattr(phase, column) != number:
                    yield f"phase {phase.key} counts {getattr(phase, column)} {column}, but there are {number}"


def counted_in(phase: Row, rows: dict[str, list[Row]]) -> dict[str, int]:
    """What the counters of a phase ought to be."""
    tasks = [task for task in rows["task"] if task.phase_id == phase.id]
    named = named_by(phase)
    return {
        "unfinished": sum(task.status not in FINISHED for task in tasks),
        "done": sum(task.status in SATISFIES for task in tasks),
        "failed": sum(task.status == T.FAILED for task in tasks),
        "cancelled": sum(task.status == T.CANCELLED for task in tasks),
        "running": sum(task.status in (T.RUNNING, T.WAITING_FOR_INPUT) for task in tasks),
        "named_left": sum(task.key in named and task.status not in SATISFIES for task in tasks),
        "owed": sum(
            one.phase_id == phase.id and one.required and one.status == "PENDING"
            for one in rows["deliverable"]
        ),
    }


def named_by(phase: Row) -> list[str]:
    names = phase.gate_tasks or []
    return list(json.loads(names) if isinstance(names, str) else names)


@rule
def tasks_wait_for_what_is_not_satisfied(seen: Look) -> Iterator[str]:
    for task in seen.task.values():
        unmet = sum(seen.task[needed].status not in SATISFIES for needed in seen.needs[task.id])
        if task.waiting_for != unmet:
            yield f"task {task.key} ({task.status}) waits for {task.waiting_for}, but {unmet} are unmet"


@rule
def every_task_is_deeper_than_what_it_waits_for(seen: Look) -> Iterator[str]:
    for task in seen.task.values():
        deepest = max((seen.task[needed].depth for needed in seen.needs[task.id]), default=-1)
        if task.depth != deepest + 1:
            yield f"task {task.key} is at depth {task.depth}, behind one at {deepest}"


# ---------------------------------------------------------------- tasks and workers


@rule
def a_task_and_its_live_worker_name_each_other(seen: Look) -> Iterator[str]:
    for task in seen.task.values():
        worker = seen.worker.get(task.worker_id)
        if task.worker_id is not None and (worker is None or worker.status not in LIVE):
            yield f"task {task.key} names worker {task.worker_id}, which is {worker and worker.status}"
        if worker is not None and worker.task_id != task.id:
            yield f"task {task.key} names the worker of another task"
    for worker in seen.worker.values():
        task = seen.task.get(worker.task_id)
        if worker.status in LIVE and task is not None and task.worker_id != worker.id:
            yield f"live worker {worker.name} is not the one that its task names"


@rule
def the_status_of_a_task_fits_its_worker(seen: Look) -> Iterator[str]:
    fits: dict[str, set[str]] = {
        T.PENDING: set(),
        T.READY: {W.SPAWNING, W.STOPPING},
        T.RUNNING: {W.RUNNING, W.PAUSED, W.STOPPING},
        T.WAITING_FOR_INPUT: {W.WAITING_FOR_INPUT, W.PAUSED, W.STOPPING},
        T.BLOCKED: set(LIVE),
        T.COMPLETED: set(LIVE),
        T.FAILED: set(),
        T.SKIPPED: set(),
        T.CANCELLED: {W.STOPPING},
    }
    for task in seen.task.values():
        worker = seen.worker.get(task.worker_id)
        if worker is None:
            if task.status in (T.RUNNING, T.WAITING_FOR_INPUT):
                yield f"task {task.key} is {task.status} without a worker"
        elif worker.status not in fits[task.status]:
            yield f"task {task.key} is {task.status}, its worker {worker.status}"


@rule
def a_ready_task_waits_for_nothing_and_a_free_one_is_ready(seen: Look) -> Iterator[str]:
    for task in seen.task.values():
        phase, run = seen.phase[task.phase_id], seen.run[task.run_id]
        # what was READY before its phase waited for a confirmation stays so
        may_stay = task.waiting_for == 0 and phase.status in OPEN
        if task.status == T.READY and task.worker_id is None and not may_stay:
            yield f"task {task.key} is READY, but waits for {task.waiting_for} in a phase that is {phase.status}"
        free = task.waiting_for == 0 and phase.status == PhaseStatus.ACTIVE
        if task.status == T.PENDING and free and run.status not in (R.CANCELLED, R.ARCHIVED):
            yield f"task {task.key} is PENDING, but waits for nothing"


@rule
def waiting_is_waiting_for_an_open_question(seen: Look) -> Iterator[str]:
    for worker in seen.worker.values():
        held = seen.held_by(worker.id)
        if worker.status == W.WAITING_FOR_INPUT and not held:
            yield f"worker {worker.name} waits for an answer that nobody is asked for"
        if worker.status == W.RUNNING and held:
            yield f"worker {worker.name} goes on although its question is open"
    for task in seen.task.values():
        worker = seen.worker.get(task.worker_id)
        if worker is None or worker.status != W.PAUSED or task.status not in (T.RUNNING, T.WAITING_FOR_INPUT):
            continue
        if (task.status == T.WAITING_FOR_INPUT) != bool(seen.held_by(worker.id)):
            yield f"task {task.key} is {task.status}, its paused worker holds {len(seen.held_by(worker.id))}"


@rule
def an_open_question_is_waited_for(seen: Look) -> Iterator[str]:
    for item in seen.attention.values():
        if (item.status == "OPEN") != (item.merge_key is not None):
            yield f"item {item.id} is {item.status} with merge key {item.merge_key}"
        if (item.status == "OPEN") != (item.answered_at is None):
            yield f"item {item.id} is {item.status}, answered at {item.answered_at}"
        if (
            item.status == "OPEN"
            and item.kind == "QUESTION"
            and not any(still_waits(seen, asker) for asker in seen.askers[item.id])
        ):
            yield f"item {item.id} is open, but everyone who asked is over"


@rule
def a_phase_that_awaits_confirmation_is_guarded_and_ready(seen: Look) -> Iterator[str]:
    for run in seen.run.values():
        awaiting = [phase for phase in seen.of_run[run.id]["phase"] if is_awaiting(phase)]
        for phase in awaiting:
            over = run.status in ENDED or run.status == R.STOPPING
            facts = phase_standing(run, phase)
            if not over and not (facts.guarded and gate_holds(facts)):
                yield f"phase {phase.key} waits to be confirmed: {facts}"
        asked = [
            item
            for item in seen.of_run[run.id]["attention"]
            if item.status == "OPEN" and item.kind == "PHASE_CONFIRMATION"
        ]
        if len(asked) > len(awaiting):
            yield f"{run.id} asks {len(asked)} times to confirm {len(awaiting)} phases"
        if asked and (run.status in (R.COMPLETED, R.CANCELLED, R.ARCHIVED, R.STOPPING)):
            yield f"{run.id} is {run.status}, and asks to confirm a phase"


def is_awaiting(phase: Row) -> bool:
    return bool(phase.status == PhaseStatus.AWAITING_CONFIRMATION)


def phase_standing(run: Row, phase: Row) -> PhaseStanding:
    return PhaseStanding(
        PhaseStatus(phase.status),
        TaskRequirement(phase.requirement),
        phase.minimum or 0,
        phase.unfinished,
        phase.done,
        phase.named_left,
        phase.owed,
        bool(run.phase_guard if phase.guard is None else phase.guard),
        bool(run.auto_advance),
    )


def still_waits(seen: Look, asker: Row) -> bool:
    worker = seen.worker.get(asker.worker_id)
    task = seen.task.get(asker.task_id)
    return (
        worker is None
        or worker.status in LIVE
        or (task is not None and task.status not in FINISHED and task.status != T.FAILED)
    )


# ---------------------------------------------------------------- runs and phases


@rule
def phases_follow_one_another(seen: Look) -> Iterator[str]:
    order = [PhaseStatus.COMPLETED, *OPEN, PhaseStatus.PENDING]
    for run in seen.run.values():
        phases = sorted(seen.of_run[run.id]["phase"], key=lambda phase: phase.ordinal)
        statuses = [phase.status for phase in phases]
        if statuses != sorted(statuses, key=order.index) or sum(status in OPEN for status in statuses) > 1:
            yield f"{run.id} has phases {statuses}"
        begun = [phase for phase in phases if phase.status != PhaseStatus.PENDING]
        if run.phase_id != (begun[-1].id if begun else None):
            yield f"{run.id} is in phase {run.phase_id}, but has begun {[phase.key for phase in begun]}"
        for phase in phases:
            if run.status not in ENDED and run.status != R.STOPPING:
                move = next_phase_move(phase_standing(run, phase))
                if move is not None:
                    yield f"phase {phase.key} is {phase.status}, but should {move}"
            if (phase.completed_at is not None) != (phase.status == PhaseStatus.COMPLETED):
                yield f"phase {phase.key} is {phase.status}, completed at {phase.completed_at}"
            if (phase.started_at is None) != (phase.status == PhaseStatus.PENDING):
                yield f"phase {phase.key} is {phase.status}, started at {phase.started_at}"


@rule
def behind_a_completed_phase_only_workers_are_left(seen: Look) -> Iterator[str]:
    for task in seen.task.values():
        left_over = task.status not in FINISHED and task.worker_id is None
        if left_over and seen.phase[task.phase_id].status == PhaseStatus.COMPLETED:
            yield f"task {task.key} is {task.status} without a worker in a phase that is over"


def standing(seen: Look, run: Row) -> Standing:
    """What a run is to be judged by, counted from the rows."""
    rows = seen.of_run[run.id]
    live = [worker for worker in rows["worker"] if worker.status in LIVE]
    phases = rows["phase"]
    current = seen.phase.get(run.phase_id)
    asked = sum(item.status == "OPEN" and item.kind == "PHASE_CONFIRMATION" for item in rows["attention"])
    return Standing(
        status=RunStatus(run.status),
        movable=sum(
            task.status == T.RUNNING
            or (task.status == T.READY and (task.runtime is not None or task.worker_id is not None))
            for task in rows["task"]
        ),
        waiting=asked + sum(task.status == T.WAITING_FOR_INPUT for task in rows["task"]),
        failed=sum(task.status == T.FAILED for task in rows["task"]),
        workers=len(live),
        restless=sum(not at_rest(worker) for worker in live),
        gates_met=bool(phases) and all(phase.status == PhaseStatus.COMPLETED for phase in phases),
        pause_mode=Urgency(run.urgency) if run.urgency else None,
        auto_complete=bool(run.auto_complete),
        ready=current is not None and gate_holds(phase_standing(run, current)),
    )


def at_rest(worker: Row) -> bool:
    """Paused, or told to pause before it was started."""
    not_started = worker.status == W.SPAWNING and worker.desire == Desire.PAUSE
    return worker.status == W.PAUSED or (not_started and worker.seen >= worker.revision)


@rule
def a_run_is_where_its_tasks_put_it(seen: Look) -> Iterator[str]:
    for run in seen.run.values():
        facts = standing(seen, run)
        if (move := next_move(facts)) is not None:
            yield f"{run.id} is {run.status}, but should {move}: {facts}"
        if run.status in (R.COMPLETED, R.CANCELLED) and facts.workers:
            yield f"{run.id} is {run.status} with {facts.workers} live workers"
        statuses = {task.status for task in seen.of_run[run.id]["task"]}
        if run.status == R.COMPLETED and not statuses <= FINISHED:
            yield f"{run.id} is COMPLETED with tasks that are {statuses}"
        if run.status == R.CANCELLED and not statuses <= FINISHED | {T.FAILED}:
            yield f"{run.id} is CANCELLED with tasks that are {statuses}"
        if run.status == R.CREATED and (run.phase_id or run.started_at or seen.of_run[run.id]["worker"]):
            yield f"{run.id} is CREATED, but something has begun"


@rule
def every_run_has_a_supervisor_and_the_built_in_one_stands_as_its_run_does(seen: Look) -> Iterator[str]:
    of_run = {row.run_id: row for row in seen.supervisor.values()}
    if set(of_run) != set(seen.run):
        yield f"of the runs {set(seen.run)}, these have supervisors: {set(of_run)}"
    for run in seen.run.values():
        supervisor, target = of_run[run.id], BUILT_IN[RunStatus(run.status)]
        if not supervisor.is_agent and target not in (None, supervisor.state):
            yield f"{run.id} is {run.status}, but its supervisor {supervisor.state}"
        if run.status in ENDED and supervisor.state not in OVER:
            yield f"{run.id} is {run.status}, but its supervisor goes on ({supervisor.state})"


@rule
def moments_fit_statuses(seen: Look) -> Iterator[str]:
    for run in seen.run.values():
        if (run.completed_at is not None) != (run.status in ENDED):
            yield f"{run.id} is {run.status}, completed at {run.completed_at}"
        if run.urgency is not None and run.status not in (R.PAUSING, R.PAUSED, R.STOPPING):
            yield f"{run.id} is {run.status} with urgency {run.urgency}"
    for task in seen.task.values():
        over = task.status in FINISHED or task.status == T.FAILED
        if (
            not (task.status_reason or "").startswith("The plan marks it as ")
            and (task.completed_at is not None) != over
        ):
            yield f"task {task.key} is {task.status}, completed at {task.completed_at}"
    for worker in seen.worker.values():
        if (worker.ended_at is None) != (worker.status in LIVE):
            yield f"worker {worker.name} is {worker.status}, ended at {worker.ended_at}"
        if worker.status == W.STOPPING and worker.desire != Desire.STOP:
            yield f"worker {worker.name} is STOPPING, but told to {worker.desire}"


@rule
def attempts_are_numbered(seen: Look) -> Iterator[str]:
    for task in seen.task.values():
        workers = [worker for worker in seen.of_run[task.run_id]["worker"] if worker.task_id == task.id]
        fences = sorted(worker.fence for worker in workers)
        if fences != list(range(1, task.attempts + 1)):
            yield f"task {task.key} has had {task.attempts} attempts, its workers have fences {fences}"
        if task.failures > task.attempts:
            yield f"task {task.key} failed {task.failures} times in {task.attempts} attempts"
        if sum(worker.status in LIVE for worker in workers) > 1:
            yield f"task {task.key} has two live workers"


# ---------------------------------------------------------------- commands and context


@rule
def no_request_waits_for_a_worker_that_is_over(seen: Look) -> Iterator[str]:
    for command in seen.command.values():
        worker = seen.worker.get(command.worker_id)
        if worker is not None and worker.status not in LIVE and command.status in UNDER_WAY:
            yield f"{command.verb} is {command.status}, but its worker is {worker.status}"
        if command.status == "REJECTED" and command.idempotency_key is not None:
            yield f"a refused {command.verb} has used up a key"


@rule
def context_is_received_or_kept_or_given_up(seen: Look) -> Iterator[str]:
    for item in seen.context_item.values():
        worker = seen.worker.get(item.worker_id)
        command = seen.command[item.command_id]
        if worker is None and item.task_id is None:
            yield f"context item {item.id} is for nobody"
        if worker is None and item.delivered_at is not None:
            yield f"context item {item.id} was delivered to nobody"
        undelivered = item.delivered_at is None
        task = seen.task.get(item.task_id)
        if undelivered and worker is not None and task is not None and worker.status not in LIVE:
            tried_again = task.failures > 0 and task.status in (T.PENDING, T.READY)
            if tried_again and worker.fence == task.attempts:
                yield f"context item {item.id} lies with a worker that is over, not with its task"
        if undelivered and command.status == "EFFECTIVE":
            yield f"context item {item.id} is not delivered, but its request is EFFECTIVE"
        if undelivered and worker is not None and worker.status not in LIVE and command.status in UNDER_WAY:
            yield f"context item {item.id} is lost with its worker, but its request is {command.status}"


@rule
def what_was_used_adds_up(seen: Look) -> Iterator[str]:
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for row in seen.used:
        for owner in (row.worker_id, row.task_id, row.run_id):
            if owner is not None:
                totals[owner].update({name: getattr(row, name) for name in AMOUNTS})
    for owner in totals.keys() | seen.sums.keys():
        row = seen.sums.get(owner)
        told = None if row is None else {name: getattr(row, name) for name in AMOUNTS}
        if told != {name: totals[owner][name] for name in AMOUNTS}:
            yield f"{owner} is said to have used {told}, not {dict(totals[owner])}"
    for run in seen.run.values():
        if run.cost != totals[run.id]["cost"]:
            yield f"run {run.id} costs {run.cost}, not {totals[run.id]['cost']}"
