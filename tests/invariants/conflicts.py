"""Tasks that mean to change the same paths."""

from collections.abc import Iterator
from itertools import combinations

from app.domain.events import EventKind
from app.domain.globs import overlap
from app.domain.runs import ENDED, RunStatus
from app.domain.tasks import SATISFIES, TaskStatus
from tests.invariants import told
from tests.invariants.rows import Look, Row, rule, value
from tests.story import Story


@rule
def an_open_conflict_holds_back_a_task_that_could_start(seen: Look) -> Iterator[str]:
    for item in seen.attention.values():
        if item.kind != "CONFLICT" or item.status != "OPEN":
            continue
        run, names = seen.run[item.run_id], value(item.subject)
        first, second = seen.task[names["first"]], seen.task[names["second"]]
        if run.status == RunStatus.STOPPING or run.status in ENDED - {RunStatus.FAILED}:
            yield f"item {item.id} is open, but its run is {run.status}"
        if second.status != TaskStatus.READY or second.worker_id is not None:
            yield f"item {item.id} holds back {second.key}, which is {second.status} ({second.worker_id})"
        rests = first.status == TaskStatus.READY and first.failures > 0
        if first.status == TaskStatus.CANCELLED or not (rests or is_in_the_way(first)):
            yield f"item {item.id} is about {first.key}, which is {first.status} ({first.worker_id})"
        if not meet(first, second):
            yield f"item {item.id} is about {first.key} and {second.key}, whose paths differ"
        if run.conflict_policy == "ALLOW":
            yield f"item {item.id} is open, but {run.id} allows it"
        if [asker.task_id for asker in seen.askers[item.id]] != [second.id]:
            yield f"item {item.id} is not asked for {second.key} alone"


def who_is_at_work_on_the_same_paths_was_allowed_to(seen: Look, story: Story) -> Iterator[str]:
    for run in seen.run.values():
        if run.conflict_policy == "ALLOW":
            continue
        let_through = {
            item.question_key
            for item in seen.of_run[run.id]["attention"]
            if item.kind == "CONFLICT" and item.status != "OPEN" and item.answered_by is not None
        }
        at_work = [task for task in seen.of_run[run.id]["task"] if is_in_the_way(task)]
        for one, other in combinations(at_work, 2):
            key = f"conflict {min(one.id, other.id)} {max(one.id, other.id)}"
            if meet(one, other) and key not in let_through and began_since(story, run, one, other):
                yield f"{one.key} and {other.key} are at work on the same paths, and nobody allowed it"


told.RULES.append(who_is_at_work_on_the_same_paths_was_allowed_to)


def is_in_the_way(task: Row) -> bool:
    return task.worker_id is not None and task.status not in SATISFIES


def meet(one: Row, other: Row) -> bool:
    return overlap(value(one.paths), value(other.paths)) is not None


def began_since(story: Story, run: Row, one: Row, other: Row) -> bool:
    """Whether the later of the two was started under the settings that the run has now."""
    begun = max(story.last[EventKind.WORKER_STATUS_CHANGED, task.worker_id] for task in (one, other))
    return begun > story.last.get((EventKind.RUN_CONFIGURED, run.id), 0)
