"""OpenSpec: numbered sections of numbered boxes in the order of the document."""

import textwrap

import pytest

from app.domain.plans import PlanFormat, PlanStatus
from app.plans import read

TEMPLATE = """\
## 1. Groundwork

- [x] 1.1 Add the column
- [x] 1.2 Fill it for old rows

## 2. The endpoint

- [~] 2.1 Read the column
  - [x] 2.1.1 In the list
  - [ ] 2.1.2 In the detail
- [ ] 2.2 Write it
- [ ] 2.3 Refuse nonsense

## 3. Validation

- [ ] 3.1 Run `openspec validate add-column --strict`
"""


def openspec(text):
    return read(textwrap.dedent(text), name="tasks.md", format=PlanFormat.OPENSPEC)


def waits(plan):
    return {task.key: task.depends_on for task in plan.tasks()}


def test_the_template_is_known_by_its_numbers_and_read_in_order():
    plan = read(TEMPLATE, name="tasks.md")
    assert plan.format is PlanFormat.OPENSPEC
    assert [phase.title for phase in plan.phases] == ["1. Groundwork", "2. The endpoint", "3. Validation"]
    assert waits(plan) == {"1.1": [], "1.2": ["1.1"], "2.1": [], "2.2": ["2.1"], "2.3": ["2.2"], "3.1": []}
    second = plan.phases[1].tasks[0]
    assert second.status is PlanStatus.IN_PROGRESS
    assert [(part.title, part.status.value) for part in second.subtasks] == [
        ("2.1.1 In the list", "done"),
        ("2.1.2 In the detail", "pending"),
    ]
    assert plan.warnings == []


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("- [ ] 1.4 d — blocked by 1.1.", {"1.3", "1.1"}),
        ("- [ ] 1.4 d (depends on 1.1, 1.2)", {"1.3", "1.1", "1.2"}),
        ("- [ ] 1.4 [D: 1.1, 1.2] d", {"1.1", "1.2"}),
        ("- [ ] 1.4 d [D: 1.1]", {"1.1"}),
        ("- [ ] 1.4 d\n  - **Dependencies**: 1.1", {"1.1"}),
        ("- [ ] 1.4 d\n  - Depends on: 1.1-1.3", {"1.1", "1.2", "1.3"}),
        ("- [ ] 1.4 d\n  - **Dependencies**: Task 1.2 (its types)", {"1.2"}),
        ("- [ ] 1.4 d\n  - **Dependencies**: None", set()),
        ("- [ ] 1.4 d\n  - 依赖: 1.1", {"1.1"}),
        ("- [ ] 1.4 d\n  - **Dependencies**: the npm packages", {"1.3"}),
        ("- [ ] 1.4 d [D: Checkpoint 2]", {"1.3"}),
        ("- [ ] 1.4 raise it to 1.1", {"1.3"}),
        ("- [ ] 1.4 d after 1.1 seconds", {"1.3"}),
    ],
)
def test_a_task_that_lists_its_dependencies_waits_for_those_alone(line, needed):
    plan = openspec(f"## 1. Work\n\n- [ ] 1.1 a\n- [ ] 1.2 b\n- [ ] 1.3 c\n{line}\n")
    assert set(waits(plan)["1.4"]) == needed


def test_tasks_as_headings_wait_for_what_they_list():
    plan = openspec(
        """\
        # Tasks

        ## Task 1: Lay the pipe

        Words.

        **Dependencies**: None

        ---

        ## Task 2: Test the pipe

        **Dependencies**: Task 1

        ## Task 3: Paint the wall

        **Dependencies**: None (may be done beside Task 1-2)

        ## Task 4: Clean up

        **Dependencies**: Task 1-3 (everything)
        """
    )
    assert waits(plan) == {"1": [], "2": ["1"], "3": [], "4": ["1", "2", "3"]}
    assert len(plan.phases) == 1


def test_headings_that_depend_on_each_other_are_the_tasks_and_boxes_their_steps():
    plan = openspec(
        """\
        ## Phase 1: Pipes

        ### Task 1.1: Lay

        - [x] Dig
        - [ ] Lower

        ### Task 1.2: Test

        - **Dependencies**: Task 1.1
        - [ ] Fill
        """
    )
    assert waits(plan) == {"1.1": [], "1.2": ["1.1"]}
    assert [len(task.subtasks) for task in plan.tasks()] == [2, 1]


def test_a_section_of_boxes_may_be_named_as_a_task():
    plan = openspec(
        """\
        ### Task 1: Lay

        - [ ] Dig
        - [ ] Lower

        ### Other

        - [ ] Fill (depends on Task 1)
        """
    )
    assert set(list(plan.tasks())[-1].depends_on) == {"1.1", "1.2"}


def test_a_repeated_item_with_one_blank_is_a_sibling():
    plan = openspec("## 3. X\n\n- [ ] 3.1 a\n - [x] 3.1 a\n- [ ] 3.2 b\n")
    assert [(task.key, task.status.value) for task in plan.tasks()] == [
        ("3.1", "pending"),
        ("3.1~2", "done"),
        ("3.2", "pending"),
    ]
    assert waits(plan)["3.2"] == ["3.1~2", "3.1"]
    assert plan.warnings[0].line == 4


def test_a_circle_is_refused(refusal):
    refused = refusal(
        "## 1. Work\n\n- [ ] 1.1 a, blocked by 1.2\n- [ ] 1.2 b\n  - **Dependencies**: 1.1\n",
        "openspec/changes/x/tasks.md",
    )
    assert "1.1 (line 3)" in refused.message
    assert "1.2 (line 5)" in refused.message
    assert refused.details["line"] in (3, 5)
