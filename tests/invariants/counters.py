"""What is counted along is what a count would find."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from app.commands.moves import COUNTERS
from app.domain.tasks import FINISHED, SATISFIES, TaskStatus
from app.domain.usage import Amounts
from app.domain.workers import LIVE
from tests.invariants.rows import Look, Row, rule

AMOUNTS = tuple(Amounts.__dataclass_fields__)


@rule
def counters_are_what_they_count(seen: Look) -> Iterator[str]:
    for run in seen.run.values():
        rows = seen.of_run[run.id]
        real: Counter[str] = Counter(task.status for task in rows["task"])
        expected = {column: real[status] for status, column in COUNTERS.items()}
        expected["live_workers"] = sum(
            worker.status in LIVE and worker.role == "WORKER" for worker in rows["worker"]
        )
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
        "failed": sum(task.status == TaskStatus.FAILED for task in tasks),
        "cancelled": sum(task.status == TaskStatus.CANCELLED for task in tasks),
        "running": sum(task.status in (TaskStatus.RUNNING, TaskStatus.WAITING_FOR_INPUT) for task in tasks),
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
