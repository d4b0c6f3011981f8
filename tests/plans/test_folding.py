"""Documents whose line breaks became spaces."""

import pytest

from app.plans.folding import is_folded
from app.plans.text import source

FOLDED = (
    "# The plan ## Phase 1: Begin - [x] Task: Lay the ground - [x] Dig - [~] Pour (it takes a day - or two) "
    "- [ ] Task: Conductor - User Manual Verification 'Phase 1: Begin' (Protocol in workflow.md) "
    "## Phase 2: Build - [ ] **Task: Raise the walls** - [ ] Mix - [ ] Task: Roof it"
)


def test_headings_and_boxes_inside_one_line_are_found(markdown):
    plan = markdown(FOLDED)
    assert plan.title == "The plan"
    assert [(phase.title, [task.title for task in phase.tasks]) for phase in plan.phases] == [
        (
            "Phase 1: Begin",
            [
                "Lay the ground",
                "Conductor - User Manual Verification 'Phase 1: Begin' (Protocol in workflow.md)",
            ],
        ),
        ("Phase 2: Build", ["Raise the walls", "Roof it"]),
    ]
    assert [[part.title for part in task.subtasks] for task in plan.tasks()] == [
        ["Dig", "Pour (it takes a day - or two)"],
        [],
        ["Mix"],
        [],
    ]
    assert [task.status.value for task in plan.tasks()] == ["done", "pending", "pending", "pending"]


def test_the_loss_is_told_and_everything_is_in_line_1(markdown):
    plan = markdown(FOLDED)
    (warning,) = plan.warnings
    assert warning.line == 1
    assert "lost its line breaks" in warning.message
    assert {task.line for task in plan.tasks()} == {1}
    assert {phase.line for phase in plan.phases} == {1}


def test_without_the_word_every_box_is_a_task(markdown):
    plan = markdown(
        "# Plan ## Build " + " ".join(f"- [ ] {number}.1 Some piece of work to do" for number in range(1, 9))
    )
    assert [task.key for task in plan.tasks()] == [f"{number}.1" for number in range(1, 9)]


def test_a_box_before_the_first_task_of_a_section_is_a_task(markdown):
    plan = markdown(
        "# Plan ## A - [ ] lone - [ ] Task: one - [ ] part ## B - [ ] again - [ ] Task: two" + " words" * 30
    )
    assert [(task.title, len(task.subtasks)) for task in plan.tasks()][:3] == [
        ("lone", 0),
        ("one", 1),
        ("again", 0),
    ]


def test_sections_may_be_folded_one_by_one(markdown):
    lines = ["# Plan", ""]
    for phase in (1, 2):
        lines.append(f"## Phase {phase}: x")
        lines.append(" ".join(f"- [ ] Task: do piece {number} of the whole work" for number in range(6)))
    plan = markdown("\n".join(lines))
    assert [(phase.line, len(phase.tasks)) for phase in plan.phases] == [(3, 6), (5, 6)]
    assert {task.line for task in plan.phases[1].tasks} == {6}


@pytest.mark.parametrize(
    "text",
    [
        "# Plan\n- [ ] one\n- [ ] two",
        "# Plan\n- [ ] " + "words " * 100,
        "Write - [ ] for open, - [x] for done and - [~] for begun. " + "words " * 100 + "\n\n- [ ] one",
        "# Plan - [ ] a - [ ] b",
        "",
    ],
)
def test_other_documents_are_left_as_they_are(text):
    assert not is_folded(source(text, name="plan.md"))
