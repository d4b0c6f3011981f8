"""Task Master files that other people wrote, against counts made apart from the reader."""

from collections import Counter
from typing import Any

import pytest

from app.domain.plans import PlanFormat, PlanStatus
from tests.plans.test_real_plans import FOLDER, expected, names, plan_of

pytestmark = pytest.mark.plans
FILES: list[Any] = names(formats=("taskmaster",))
RAW = {
    PlanStatus.DONE: ("done", "completed"),
    PlanStatus.IN_PROGRESS: ("in-progress",),
    PlanStatus.CANCELLED: ("cancelled",),
}


def raw(counts: dict[str, int], *statuses: str) -> int:
    return sum(counts.get(status, 0) for status in statuses)


@pytest.mark.parametrize("name", FILES)
def test_tags_tasks_subtasks_and_statuses_are_all_found(name):
    counts, plan = expected()[name], plan_of(name)
    assert plan.format is PlanFormat.TASK_MASTER
    tasks = list(plan.tasks())
    parts = [part for task in tasks for part in task.subtasks]
    assert (len(plan.phases), len(tasks), len(parts)) == (
        counts["phases"],
        counts["top_level_tasks"],
        counts["subtasks"],
    )
    for found, written in ((tasks, counts["task_status_raw"]), (parts, counts["subtask_status_raw"])):
        by_status = Counter(one.status for one in found)
        for status, words in RAW.items():
            assert by_status[status] == raw(written, *words)
    told = " ".join(warning.message for warning in plan.warnings)
    for status in {*counts["task_status_raw"], *counts["subtask_status_raw"]} - {
        "pending",
        *sum(RAW.values(), ()),
    }:
        assert repr(status) in told


@pytest.mark.parametrize("name", FILES)
def test_every_dependency_that_is_written_is_read(name):
    """Here a number that is no sibling means a task (T6): nothing dangles, and nothing waits for itself."""
    counts, plan = expected()[name], plan_of(name)
    assert sum(len(task.depends_on) for task in plan.tasks()) == counts["dependency_edges_tasks"]
    of_parts = [part.depends_on for task in plan.tasks() for part in task.subtasks]
    assert sum(map(len, of_parts)) == counts["dependency_edges_subtasks"]


@pytest.mark.parametrize("name", FILES)
def test_circles_are_those_that_are_left_where_a_number_may_mean_a_task(name):
    circles = expected()[name]["cycle_groups_if_bare_number_in_a_subtask_may_mean_a_task"]
    told = [warning.message for warning in plan_of(name).warnings if "wait for each other" in warning.message]
    assert len(told) == len(circles)
    for message, (_, *group) in zip(told, circles, strict=True):
        named = (
            message.split(": ")[1].split(".  ")[0].removesuffix(". They are boxes, which hold back nothing.")
        )
        assert set(named.split(" → ")) <= set(group)


@pytest.mark.parametrize("name", FILES)
def test_lines_are_those_of_the_file(name):
    lines = (FOLDER / name).read_text("utf-8-sig").splitlines()
    for task in plan_of(name).tasks():
        below = "\n".join(lines[task.line - 1 : task.line + 3])
        assert task.title[:20] in below
