"""Tasks that are written as headings."""

import textwrap

import pytest

from app.domain.plans import PlanStatus
from app.plans import read


def test_headings_are_tasks_where_there_are_no_boxes(markdown):
    plan = markdown(
        """
        # Plan

        ## Phase 1: Store

        **Goal:** keep things.

        ---

        ### [x] Task 1.1 — The trait

        Define it:

        ```sh
        # not a heading
        ```

        - a bullet

        ---

        ### [~] Task 1.2: The file [df0d175]

        ### Phase 1 Checkpoint

        - all is well

        ## Phase 2: Send

        ### [ ] Task 2.1 - The socket
        Words.
        #### Notes
        More words.
        """
    )
    assert [phase.title for phase in plan.phases] == ["Phase 1: Store", "Phase 2: Send"]
    assert [(task.key, task.title, task.status, task.line, task.depends_on) for task in plan.tasks()] == [
        ("1.1", "The trait", PlanStatus.DONE, 10, []),
        ("1.2", "The file", PlanStatus.IN_PROGRESS, 22, ["1.1"]),
        ("2.1", "The socket", PlanStatus.PENDING, 30, []),
    ]
    first, second, third = plan.tasks()
    assert first.description == "Define it:\n\n```sh\n# not a heading\n```\n\n- a bullet"
    assert second.description == ""
    assert third.description == "Words.\n#### Notes\nMore words."
    assert plan.warnings == []


def test_a_check_emoji_in_the_heading_is_its_mark(markdown):
    plan = markdown("# 計画\n## Task 1: 直す ✅\nx\n## ✅ Task 2: 消す\nx\n## タスク 3: 書く\nx\n")
    assert [(task.key, task.title, task.status.value) for task in plan.tasks()] == [
        ("1", "直す", "done"),
        ("2", "消す", "done"),
        ("3", "書く", "pending"),
    ]


def test_headings_with_a_box_need_no_number(markdown):
    plan = markdown("# Plan\n## [x] Set up\nwords\n## [ ] Ship it\nwords\n")
    assert [(task.key, task.title, task.status.value) for task in plan.tasks()] == [
        ("1.1", "Set up", "done"),
        ("1.2", "Ship it", "pending"),
    ]


def test_headings_that_only_group_boxes_are_sections_and_told(markdown):
    plan = markdown("## Phase 1: A\n### Task 1.1: Group\n- [x] a\n- [ ] b\n### Task 1.2: Group\n- [ ] c\n")
    assert [(task.key, task.title) for task in plan.tasks()] == [
        ("1.1.1", "a"),
        ("1.1.2", "b"),
        ("1.2.1", "c"),
    ]
    (warning,) = plan.warnings
    assert warning.line == 2
    assert "2, 5" in warning.message


def test_a_marked_task_heading_owns_the_boxes_below_it(markdown):
    plan = markdown(
        "## Phase 1: A\n### [x] Task 1.1: Whole\n- [x] a\n- [ ] b\n### [ ] Task 1.2: Bare\nwords\n"
    )
    assert [(task.key, task.title, [part.title for part in task.subtasks]) for task in plan.tasks()] == [
        ("1.1", "Whole", ["a", "b"]),
        ("1.2", "Bare", []),
    ]


def test_boxes_that_are_steps_belong_to_the_task_heading(markdown):
    plan = markdown(
        "### Task 1: Write\n- [ ] **Step 1: Test**\n\nrun it\n\n- [ ] **Step 2: Code**\n### Task 2: Ship\ngo\n"
    )
    first, second = plan.tasks()
    assert (first.title, [part.title for part in first.subtasks]) == (
        "Write",
        ["Step 1: Test", "Step 2: Code"],
    )
    assert first.description == "- **Step 1: Test**\n\nrun it\n\n- **Step 2: Code**"
    assert (second.title, second.description) == ("Ship", "go")


def test_boxes_that_are_labelled_as_checks_belong_to_the_task_heading(markdown):
    plan = markdown(
        "### Task 1: Write\ntext\n\n**Acceptance Criteria:**\n- [ ] works\n- [ ] is fast\n\n### Task 2: Ship\n"
    )
    assert [(task.title, len(task.subtasks)) for task in plan.tasks()] == [("Write", 2), ("Ship", 0)]


def test_a_task_heading_without_boxes_is_not_lost_among_boxes(markdown):
    plan = markdown("## Phase 1: A\n- [ ] 1.1 a\n### Task 1.2: In words\nwords\n## Phase 2: B\n- [ ] 2.1 b\n")
    assert [task.key for task in plan.tasks()] == ["1.1", "1.2", "2.1"]


def test_a_heading_that_describes_a_box_is_no_second_task(markdown):
    plan = markdown("## Tasks\n- [ ] Task 1.1: a\n- [ ] Task 1.2: b\n## Notes\n### Task 1.1: a\nhow\n")
    assert [task.key for task in plan.tasks()] == ["1.1", "1.2"]
    assert [warning.line for warning in plan.warnings] == [5]


def test_a_heading_around_task_headings_is_a_section(markdown):
    plan = markdown("# Task 7: Everything\n## Task 7.1: a\n## Task 7.2: b\n")
    assert [task.key for task in plan.tasks()] == ["7.1", "7.2"]


def test_headings_that_speak_of_tasks_are_none(refusal):
    assert (
        "no tasks" in refusal("# Tasks: Overview\n## Task Dependencies\n- a\n## Task Summary\n- b\n").message
    )


def test_task_headings_in_a_checklist_are_none(markdown):
    plan = markdown("## Work\n### Task 1: a\n## Verification Checklist\n### Task 2: see\n")
    assert [task.key for task in plan.tasks()] == ["1"]


def test_task_headings_without_a_mark_are_tasks_where_others_have_one(markdown):
    plan = markdown("### [x] Task 1: a\n- [x] part\n### Task 2: b\n- [ ] part\n- [ ] part\n")
    assert [(task.key, task.status.value, len(task.subtasks)) for task in plan.tasks()] == [
        ("1", "done", 1),
        ("2", "pending", 2),
    ]


def test_phases_may_be_headings_of_the_same_rank_as_their_tasks(markdown):
    plan = markdown(
        "# P\n## Tasks\n### Phase 1: A\n### [x] TASK-001: a\n### [ ] TASK-002: b\n### Phase 2: B\n### TASK-003: c\n"
    )
    assert [(phase.title, [task.key for task in phase.tasks]) for phase in plan.phases] == [
        ("Phase 1: A", ["TASK-001", "TASK-002"]),
        ("Phase 2: B", ["TASK-003"]),
    ]
    assert [task.title for task in plan.tasks()] == ["a", "b", "c"]


def test_headings_with_the_ids_of_spec_kit_own_the_boxes_below_them():
    plan = read(
        textwrap.dedent(
            """\
            ## Phase 0: Setup

            ### T001: Install

            **Dependencies**: None

            **Task**:
            - [ ] the first step
            - [x] the second step

            ### T002 [P]: Bundle ✅

            - **Depends on**: T001

            ## Phase 1: Work

            ### T3. Build
            - **Status**: [x]
            **Dependencies**: T001, T002
            """
        ),
        name="specs/001-x/tasks.md",
    )
    assert [(task.key, task.title, task.status.value, task.depends_on) for task in plan.tasks()] == [
        ("T001", "Install", "pending", []),
        ("T002", "[P]: Bundle", "done", ["T001"]),
        ("T3", "Build", "done", ["T001", "T002"]),
    ]
    assert [part.status.value for part in next(plan.tasks()).subtasks] == ["pending", "done"]


def test_boxes_with_ids_of_their_own_are_the_tasks_below_such_a_heading(markdown):
    plan = markdown("### T001: Group\n- [ ] T002 a\n- [ ] T003 b\n")
    assert [task.key for task in plan.tasks()] == ["T002", "T003"]


@pytest.mark.parametrize("label", ["**Subtasks:**", "**DoD**:", "**验收标准**:", "子任务:"])
def test_boxes_that_are_labelled_as_parts_belong_to_the_task_heading(markdown, label):
    plan = markdown(
        f"### Task 1.1: a\n\n{label}\n- [ ] 1.1.1 b\n- [ ] 1.1.2 c\n\n### Task 1.2: d\n\n{label}\n- [ ] e\n"
    )
    assert [(task.key, len(task.subtasks)) for task in plan.tasks()] == [("1.1", 2), ("1.2", 1)]


def test_numbered_headings_are_tasks_where_they_say_what_they_depend_on(markdown):
    plan = markdown(
        """
        # 计划
        ## Phase 1: 设计
        ### 1.1 颜色
        **依赖**: 无
        ### 1.2 字体
        **依赖**: 1.1
        **状态**: ✅
        """
    )
    assert [(task.key, task.title, task.status.value) for task in plan.tasks()] == [
        ("1.1", "颜色", "pending"),
        ("1.2", "字体", "done"),
    ]


def test_numbered_headings_without_such_a_field_are_prose(refusal):
    refusal("# Design\n## 1.1 Goals\nwords\n## 1.2 Limits\nwords\n")


def test_the_words_of_a_status_are_not_its_mark(markdown):
    plan = markdown("### Task 1: a\n- **Status**: Done\n\n### Task 2: b\n- **Status**: ✅ Done\n")
    assert [task.status.value for task in plan.tasks()] == ["pending", "done"]
