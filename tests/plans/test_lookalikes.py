"""Nothing that a person would take for a task is left out in silence."""

import pytest


@pytest.mark.parametrize("mark", ["-", "!", "/", ">", "?", "✅", "⚠️", "", "  ", " x", "✓", "済", "v"])
def test_an_unknown_mark_is_told_with_its_line(markdown, mark):
    plan = markdown(f"# Plan\n\n- [ ] one\n- [{mark}] two\n")
    assert [task.title for task in plan.tasks()] == ["one"]
    (warning,) = plan.warnings
    assert warning.line == 4
    assert f"[{mark}]" in warning.message


@pytest.mark.parametrize(
    "line",
    [
        "-[X]T001 glued",
        "-[ ] glued",
        "*[x] glued",
        "-[]T002 glued",
        "[ ] no bullet",
        "• [ ] dot",
        "- ☐ ballot",
        "☑ ballot",
    ],
)
def test_what_only_looks_like_a_task_is_told_with_its_line(markdown, line):
    plan = markdown(f"- [ ] one\n\n{line}\n")
    assert [task.title for task in plan.tasks()] == ["one"]
    assert [warning.line for warning in plan.warnings] == [3]


def test_every_such_line_is_told(markdown):
    plan = markdown("- [ ] one\n\n" + "-[ ]glued\n" * 300)
    assert [warning.line for warning in plan.warnings] == [1, *range(3, 303)]
    assert "300 lines look like tasks but cannot be read as such, 1 can" in plan.warnings[0].message


def test_thousands_of_such_lines_are_summed_up(markdown):
    plan = markdown("- [ ] one\n\n" + "-[ ]glued\n" * 3000)
    assert len(plan.warnings) == 1001
    assert "2001 more" in plan.warnings[-1].message


def test_a_heading_without_its_blank_is_told(markdown):
    plan = markdown("- [ ] one\n\n##Phase 2\n")
    assert [warning.line for warning in plan.warnings] == [3]


def test_boxes_in_tables_are_told_once(markdown):
    plan = markdown("- [ ] one\n\n| a | b |\n|---|---|\n| [ ] | x |\n| [x] | y |\n")
    (warning,) = plan.warnings
    assert warning.line == 5
    assert "2 table rows" in warning.message


@pytest.mark.parametrize(
    "line", ["- [P] label", "- [1] footnote", "- [link](x.md)", "text with [x] inside", "#hashtag"]
)
def test_ordinary_text_is_not_told(markdown, line):
    assert markdown(f"- [ ] one\n\n---\n\n{line}\n").warnings == []


def test_an_unknown_box_is_not_taken_for_a_detail_of_its_neighbour(markdown):
    plan = markdown("- [ ] one\n - [-] dropped\n")
    assert [(task.title, task.description) for task in plan.tasks()] == [("one", "")]
    assert [warning.line for warning in plan.warnings] == [2]
