"""Which lines are boxes, what they say, and which box lies inside which."""

import pytest

from app.domain.plans import PlanStatus


def shape(plan):
    return [(task.title, [subtask.title for subtask in task.subtasks]) for task in plan.tasks()]


@pytest.mark.parametrize(
    ("mark", "status"),
    [
        (" ", PlanStatus.PENDING),
        ("x", PlanStatus.DONE),
        ("X", PlanStatus.DONE),
        ("~", PlanStatus.IN_PROGRESS),
    ],
)
def test_the_mark_is_the_status(markdown, mark, status):
    plan = markdown(f"- [{mark}] one\n  - [{mark}] part")
    (task,) = plan.tasks()
    assert (task.status, task.subtasks[0].status) == (status, status)


@pytest.mark.parametrize("marker", ["-", "*", "+", "1.", "7)"])
def test_every_list_marker_may_carry_a_box(markdown, marker):
    assert shape(markdown(f"{marker} [ ] one")) == [("one", [])]


def test_a_box_needs_no_blank_after_it(markdown):
    assert shape(markdown("- [ ]one\n- [x]**two**")) == [("one", []), ("two", [])]


def test_links_and_labels_are_no_boxes(markdown):
    plan = markdown(
        "- [ ] one\n\n---\n\n- [x](./link.md)\n- [x][ref]\n- [x]: target\n- [P] parallel\n- [US1] story\n"
    )
    assert shape(plan) == [("one", [])]
    assert plan.warnings == []


def test_a_box_inside_a_box_is_its_subtask_at_every_depth(markdown):
    plan = markdown(
        """
        - [ ] one
          - [x] a
            - [ ] b
              - [~] c
          - [ ] d
        - [ ] two
        """
    )
    assert shape(plan) == [("one", ["a", "b", "c", "d"]), ("two", [])]
    one = next(plan.tasks())
    assert [subtask.status.value for subtask in one.subtasks] == ["done", "pending", "in_progress", "pending"]
    assert [subtask.line for subtask in one.subtasks] == [3, 4, 5, 6]


def test_nothing_is_inferred_from_parent_to_child(markdown):
    (task,) = markdown("- [x] one\n  - [ ] open").tasks()
    assert (task.status, task.subtasks[0].status) == (PlanStatus.DONE, PlanStatus.PENDING)


def test_an_indent_of_one_blank_makes_a_sibling(markdown):
    assert shape(markdown("- [ ] one\n - [x] two\n - [ ] three")) == [("one", []), ("two", []), ("three", [])]


def test_two_blanks_are_too_few_below_a_numbered_item(markdown):
    assert shape(markdown("1. [ ] one\n  - [ ] two\n2. [ ] three\n   - [ ] part")) == [
        ("one", []),
        ("two", []),
        ("three", ["part"]),
    ]


@pytest.mark.parametrize("indent", ["  ", "   ", "    ", "      ", "\t"])
def test_a_deeper_indent_makes_a_subtask(markdown, indent):
    assert shape(markdown(f"- [ ] one\n{indent}- [ ] part\n- [ ] two")) == [("one", ["part"]), ("two", [])]


def test_a_plain_bullet_between_two_boxes_does_not_count_as_depth(markdown):
    plan = markdown(
        """
        - **Group**
          - [ ] one
            - why
              - [ ] part
        - [ ] two
        """
    )
    assert shape(plan) == [("one", ["part"]), ("two", [])]


def test_a_heading_ends_every_list(markdown):
    assert shape(markdown("- [ ] one\n## Next\n  - [ ] two")) == [("one", []), ("two", [])]


def test_boxes_below_a_line_of_prose_are_read(markdown):
    assert shape(markdown("Do this:\n- [ ] one\n\nAnd this:\n3. [ ] two")) == [("one", []), ("two", [])]


def test_boxes_indented_like_code_are_read(markdown):
    assert shape(markdown("# Plan\n\n    - [ ] one\n    - [ ] two\n")) == [("one", []), ("two", [])]


def test_boxes_in_a_quote_are_read(markdown):
    assert shape(markdown("> - [ ] one\n>   - [ ] part\n")) == [("one", ["part"])]


def test_boxes_inside_html_tags_are_read(markdown):
    assert shape(markdown("<details>\n- [ ] one\n</details>")) == [("one", [])]


@pytest.mark.parametrize(("fence", "end"), [("```", "```"), ("~~~~", "~~~~~"), ("   ```md", "      ```")])
def test_a_fence_holds_nothing(markdown, fence, end):
    plan = markdown(f"# Plan\n\n{fence}\n## Phase 9: no\n- [ ] no\n{end}\n- [ ] yes\n")
    assert shape(plan) == [("yes", [])]
    assert [warning.line for warning in plan.warnings] == [3]


def test_a_fence_is_not_closed_by_fewer_or_other_characters(markdown):
    plan = markdown("- [ ] yes\n````\n```\n~~~~\n- [ ] no\n````\n- [ ] also\n")
    assert shape(plan) == [("yes", []), ("also", [])]


def test_an_unclosed_fence_runs_to_the_end_and_is_told(markdown):
    plan = markdown("- [ ] one\n\n```\n- [ ] two\n## Phase 2\n- [ ] three\n")
    assert shape(plan) == [("one", [])]
    (warning,) = plan.warnings
    assert warning.line == 3
    assert "never closed" in warning.message
    assert "2 boxes" in warning.message


def test_a_fence_inside_a_task_is_its_description(markdown):
    (task,) = markdown("- [ ] one\n  ```sh\n  # not a heading\n  - [ ] no\n  ```\n").tasks()
    assert task.description == "```sh\n# not a heading\n- [ ] no\n```"
    assert task.subtasks == []


def test_a_comment_over_several_lines_holds_nothing(markdown):
    plan = markdown("- [ ] one\n\n<!--\n## Phase 2\n- [ ] two\n-->\n\n- [ ] three\n")
    assert shape(plan) == [("one", []), ("three", [])]
    assert [warning.line for warning in plan.warnings] == [3]


def test_a_comment_on_one_line_is_text(markdown):
    assert shape(markdown("<!-- note -->\n- [ ] one <!-- 23cf6cc -->\n- [ ] two")) == [
        ("one", []),
        ("two", []),
    ]


def test_an_unclosed_comment_is_told(markdown):
    plan = markdown("- [ ] one\n\n<!-- later\n- [ ] two\n")
    assert shape(plan) == [("one", [])]
    assert "never closed" in plan.warnings[0].message


def test_deep_nesting_is_read(markdown):
    depth = 35
    (task,) = markdown("\n".join("  " * level + f"- [ ] level {level}" for level in range(depth))).tasks()
    assert [subtask.title for subtask in task.subtasks] == [f"level {level}" for level in range(1, depth)]


def test_nesting_that_the_parser_would_give_up_on_is_refused_not_dropped(refusal):
    refused = refusal(
        "- [ ] first\n" + "\n".join("  " * level + f"- [ ] level {level}" for level in range(60))
    )
    assert "too deeply" in refused.message


def test_a_box_without_text_is_kept_and_told(markdown):
    plan = markdown("- [ ] one\n- [ ]\n")
    assert shape(plan) == [("one", []), ("Untitled", [])]
    assert [warning.line for warning in plan.warnings] == [2]


class TestDetails:
    def test_what_lies_below_a_task_is_its_description_without_the_boxes(self, markdown):
        plan = markdown(
            """
            - [ ] one
              - first detail
                - deeper
              - [ ] part

              A paragraph
              of two lines.
            - [ ] two
            """
        )
        one, two = plan.tasks()
        assert one.description == "- first detail\n  - deeper\n\nA paragraph\nof two lines."
        assert [subtask.title for subtask in one.subtasks] == ["part"]
        assert two.description == ""

    def test_details_of_a_subtask_stay_below_its_name(self, markdown):
        (task,) = markdown("- [ ] one\n  - [x] part\n    - how\n  - [ ] bare part\n").tasks()
        assert task.description == "- part\n  - how"

    def test_details_one_blank_short_still_belong_to_the_task_above(self, markdown):
        one, two = markdown(" - [x] one:\n  - detail\n  - detail two\n - [ ] two\n").tasks()
        assert one.description == "- detail\n- detail two"
        assert two.description == ""

    def test_a_plain_bullet_beside_boxes_is_no_task_and_no_detail_but_is_told(self, markdown):
        plan = markdown("- [ ] one\n- forgotten\n- [ ] two\n")
        assert [(task.title, task.description) for task in plan.tasks()] == [("one", ""), ("two", "")]
        assert [warning.line for warning in plan.warnings] == [2]

    def test_prose_after_a_list_belongs_to_no_task(self, markdown):
        (task,) = markdown("- [ ] one\n\n**CHECK:** everything works\n").tasks()
        assert task.description == ""

    def test_comments_are_left_out(self, markdown):
        (task,) = markdown("- [ ] one\n  - detail\n  <!--\n  secret\n  -->\n").tasks()
        assert task.description == "- detail"

    def test_a_wrapped_title_is_put_together(self, markdown):
        start = "Write the part of the reader that finds out where a title ends and"
        (task,) = markdown(f"- [ ] {start}\n  where its details begin\n  - detail\n").tasks()
        assert task.title == f"{start} where its details begin"
        assert task.description == "- detail"

    @pytest.mark.parametrize("second", ["**Files:** a.py", "Files: a.py", "short first lines are whole"])
    def test_a_second_line_of_its_own_is_a_detail(self, markdown, second):
        (task,) = markdown(f"- [ ] Write it\n  {second}\n").tasks()
        assert (task.title, task.description) == ("Write it", second)


def test_a_task_that_is_struck_through_is_read_and_told(markdown):
    plan = markdown("- [ ] ~~T001 a~~\n- [x] ~~T002 b~~\n- [ ] T003 ~~c~~ d\n")
    assert [(task.key, task.title, task.status.value) for task in plan.tasks()] == [
        ("T001", "~~a~~", "pending"),
        ("T002", "~~b~~", "done"),
        ("T003", "~~c~~ d", "pending"),
    ]
    assert [(warning.line, warning.message) for warning in plan.warnings] == [
        (1, "Struck through, and read as still to do: 1 (lines 1).")
    ]
