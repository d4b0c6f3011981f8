"""Kiro: numbered boxes with requirements, in the order of the document; optional ones with a star."""

import textwrap

import pytest

from app.domain.plans import PlanFormat, PlanStatus
from app.plans import read

TEMPLATE = """\
# Implementation Plan: Tea timer

## Overview

Small steps.

## Tasks

- [x] 1. Set up the project
  - Create the folders
  - _Requirements: 1.1_

- [-] 2. Count down
  - [x] 2.1 Write the clock in `src/clock.ts`
    - Keep it pure
    - _Requirements: 1.2, 2.1_

  - [ ]* 2.2 Write property tests for the clock
    - **Property 1: It never goes back**
    - **Validates: Requirements 1.2**

- [ ] 3. Checkpoint - all tests pass
  - Ask the user if questions arise.

- [ ]* 4. Write the help page
  - _Requirements: 3.1_

- [ ] 5. Ring the bell
  - _Requirements: 3.2_

## Notes

- Tasks marked with `*` are optional
"""


def kiro(text):
    return read(textwrap.dedent(text), name="tasks.md", format=PlanFormat.KIRO)


def waits(plan):
    return {task.key: task.depends_on for task in plan.tasks()}


def test_the_template_is_known_by_its_requirements_and_stars():
    plan = read(TEMPLATE, name="tasks.md")
    assert plan.format is PlanFormat.KIRO
    assert [(task.key, task.title, task.status.value, task.line) for task in plan.tasks()] == [
        ("1", "Set up the project", "done", 9),
        ("2", "Count down", "in_progress", 13),
        ("3", "Checkpoint - all tests pass", "pending", 22),
        ("4", "Write the help page (optional)", "pending", 25),
        ("5", "Ring the bell", "pending", 28),
    ]
    assert "Requirements: 1.1" in next(plan.tasks()).description


def test_nested_boxes_are_subtasks_with_or_without_a_star():
    second = list(read(TEMPLATE, name="tasks.md").tasks())[1]
    assert [(part.title, part.status, part.line) for part in second.subtasks] == [
        ("2.1 Write the clock in `src/clock.ts`", PlanStatus.DONE, 14),
        ("2.2 Write property tests for the clock (optional)", PlanStatus.PENDING, 18),
    ]


def test_nothing_waits_for_an_optional_task():
    plan = read(TEMPLATE, name="tasks.md")
    assert waits(plan) == {"1": [], "2": ["1"], "3": ["2"], "4": ["3"], "5": ["3"]}
    assert [task.priority for task in plan.tasks()] == [0, 0, 0, -1, 0]
    assert [warning.line for warning in plan.warnings] == [25]
    assert "optional" in plan.warnings[0].message.lower()


def test_flat_numbers_are_tasks_of_their_own():
    plan = kiro("- [x] 1. Core\n- [x] 1.1 Clock\n- [ ]* 1.2 Tests\n- [ ] 2. Bell\n")
    assert waits(plan) == {"1": [], "1.1": ["1"], "1.2": ["1.1"], "2": ["1.1"]}


@pytest.mark.parametrize("label", ["Requirements", "要件", "需求", "요구사항"])
def test_requirements_in_other_languages_tell_the_format(label):
    assert read(f"- [ ] 1. x\n  - _{label}: 1.1, 2.3_\n", name="tasks.md").format is PlanFormat.KIRO


def test_parallel_marks_and_dependencies_are_read():
    plan = kiro(
        """\
        ## 1. Foundation

        - [ ] 1.1 Schema
          - _Requirements: 1.1_
        - [ ] 1.2 (P) Client
        - [ ] 1.3 (P) Server
          - _Depends: 1.1_
        - [ ] 1.4 Join

        ## 2. Core

        - [ ] 2.1 Page
          - _Depends: 1.2, 1.4_
        """
    )
    assert {key: set(on) for key, on in waits(plan).items()} == {
        "1.1": set(),
        "1.2": {"1.1"},
        "1.3": {"1.1"},
        "1.4": {"1.2", "1.3"},
        "2.1": {"1.2", "1.4"},
    }


WAVES = """\
- [ ] 1. a
- [ ] 2. b
- [ ] 3. c
- [ ] 4. Checkpoint

## Task Dependency Graph

```json
{"waves": [{"id": 0, "tasks": ["1"]}, {"id": 1, "tasks": [2, "3"]}]}
```
"""


def test_waves_wait_for_each_other():
    found = waits(kiro(WAVES))
    assert found["1"] == []
    assert found["2"] == found["3"] == ["1"]
    assert {"2", "3"} <= set(found["4"])


def test_waves_that_divide_a_task_are_told_and_not_used():
    plan = kiro(
        """\
        - [ ] 1. a
          - [ ] 1.1 x
          - [ ] 1.2 y
        - [ ] 2. b

        ```json
        {"waves": [{"id": 0, "tasks": ["1.1"]}, {"id": 1, "tasks": ["1.2", "2"]}]}
        ```
        """
    )
    assert waits(plan) == {"1": [], "2": ["1"]}
    assert [warning.line for warning in plan.warnings] == [6]


@pytest.mark.parametrize("graph", ["{", "[]", '{"waves": 3}', '{"waves": [{"tasks": 1}]}', '{"waves": [[]]}'])
def test_a_graph_that_cannot_be_read_changes_nothing(graph):
    plan = kiro(f'- [ ] 1. a\n- [ ] 2. b\n\n```json\n{graph}\n"waves"\n```\n\n```\n{graph} \n```\n')
    assert waits(plan) == {"1": [], "2": ["1"]}
