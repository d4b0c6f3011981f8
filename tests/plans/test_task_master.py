"""One rule of Task Master's `tasks.json` each."""

import json
from typing import Any

import pytest

from app.domain import limits
from app.domain.errors import AppError
from app.domain.plans import Plan, PlanFormat, PlanStatus, PlanTask
from app.plans import read

BAD_MERGE = """{
  "tasks": [
    { "id": 1, "title": "Set up the repository", "status": "done", "dependencies": [] },
    { "id": 2, "title": "Write the parser", "status": "pending", "dependencies": [1],
      "id": 3, "title": "Write the printer", "status": "in-progress", "dependencies": [2] },
    { "id": 4, "title": "Ship it", "status": "pending", "dependencies": [3, 2] }
  ]
}
"""


def task(id: Any, *needs: Any, parts: Any = (), **more: Any) -> dict[str, Any]:
    return {"id": id, "title": f"Do {id}", "dependencies": list(needs), "subtasks": list(parts), **more}


def plan_of(*tasks: Any, **root: Any) -> Plan:
    return as_read({"master": {"tasks": list(tasks)}, **root})


def as_read(document: Any) -> Plan:
    return read(json.dumps(document, indent=1), name="tasks.json", format=PlanFormat.TASK_MASTER)


def needs(plan: Plan) -> dict[str, list[str]]:
    return {task.key: task.depends_on for task in plan.tasks()}


def needs_of_parts(plan: Plan) -> dict[str, list[str]]:
    return {part.key: list(part.depends_on) for task in plan.tasks() for part in task.subtasks}


def told(plan: Plan) -> str:
    return "\n".join(warning.message for warning in plan.warnings)


def only(plan: Plan) -> PlanTask:
    (found,) = plan.tasks()
    return found


# ---------------------------------------------------------------- layout


def test_every_tag_with_tasks_is_a_phase_in_the_order_of_the_file():
    plan = as_read(
        {
            "currentTag": "later",
            "tags": {"master": {"description": "no tasks here"}},
            "master": {"tasks": [task(1), task(2, 1)], "metadata": {"tasks": 2}},
            "empty": {"tasks": []},
            "later": {"tasks": [task(1), task(2, 1)]},
        }
    )
    assert [(phase.key, phase.title) for phase in plan.phases] == [("master", "master"), ("later", "later")]
    assert not plan.warnings


def test_tags_are_isolated_and_only_the_first_keeps_its_ids_bare():
    plan = as_read({"a": {"tasks": [task(1), task(2, 1)]}, "b": {"tasks": [task(1), task(3, 1, 2)]}})
    assert needs(plan) == {"1": [], "2": ["1"], "b/1": [], "b/3": ["b/1"]}
    assert "b/3 depends on '2', which is not there" in told(plan)


def test_a_list_at_the_root_is_the_older_layout():
    plan = as_read({"metadata": {"projectName": "Kettle"}, "tasks": [task(1)]})
    assert (plan.title, [phase.key for phase in plan.phases]) == ("Kettle", ["tasks"])


def test_an_empty_list_at_the_root_beside_a_tag_is_no_phase():
    assert [phase.key for phase in plan_of(task(1), tasks=[]).phases] == ["master"]


def test_a_root_list_and_tags_are_all_read():
    plan = as_read({"tasks": [task(1)], "tasks ": {"tasks": [task(1)]}})
    assert [(phase.key, [one.key for one in phase.tasks]) for phase in plan.phases] == [
        ("tasks", ["1"]),
        ("tasks~2", ["tasks/1"]),
    ]


@pytest.mark.parametrize("document", [{}, {"master": {"tasks": []}}, {"tasks": []}, {"tasks": ["x"]}])
def test_no_tasks_is_a_refusal(document):
    with pytest.raises(AppError, match="no tasks were found"):
        as_read(document)


def test_what_is_no_object_is_refused():
    with pytest.raises(AppError, match="an object with a list of tasks"):
        as_read([task(1)])


def test_what_is_no_task_is_told():
    assert "This is no task" in told(plan_of(task(1), "task two"))


# ---------------------------------------------------------------- JSON


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [('{"master": {"tasks": [\n  {"id": 1,}\n]}}', 2, 12), ('\ufeff{\r\n"tasks": [\r\n', 3, 1)],
)
def test_what_is_no_json_is_refused_with_line_and_column(text, line, column):
    with pytest.raises(AppError) as refused:
        read(text, name=".taskmaster/tasks/tasks.json")
    assert refused.value.details == {"line": line, "column": column}
    assert f"line {line}: this is not valid JSON" in refused.value.message
    assert f"(column {column})" in refused.value.message


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', "{" * 3, '{"tasks": ' + "[" * 200_000])
def test_what_json_parse_would_not_read_is_refused(refusal, text):
    refusal(text, ".taskmaster/tasks/tasks.json")


def test_lines_are_those_of_the_document():
    plan = read(
        '{\r\n"master": {"tasks": [\n\n{"id": 1, "title": "a\\n\\"{[",\n"subtasks": [\n{"id": 1}]}]}}',
        name="t.json",
    )
    assert (plan.phases[0].line, only(plan).line, only(plan).subtasks[0].line) == (2, 4, 6)
    assert only(plan).title == 'a "{['


def test_of_a_repeated_key_the_last_one_counts_and_it_is_told():
    plan = read(BAD_MERGE, name="tasks.json")
    assert needs(plan) == {"1": [], "3": [], "4": ["3"]}
    assert [one.status for one in plan.tasks()] == [
        PlanStatus.DONE,
        PlanStatus.IN_PROGRESS,
        PlanStatus.PENDING,
    ]
    repeated = [warning for warning in plan.warnings if "twice in one object" in warning.message]
    assert {warning.message.split("'")[1] for warning in repeated} == {
        "id",
        "title",
        "status",
        "dependencies",
    }
    assert {warning.line for warning in repeated} == {5}
    assert told(plan).count("which is not there") == 2


# ---------------------------------------------------------------- ids


def test_numbers_and_texts_are_the_same_ids():
    plan = read(
        '{"tasks": [{"id": "1", "title": "a"}, {"id": 2.0, "title": "b", "dependencies": [1]},'
        ' {"id": 3, "title": "c", "dependencies": ["2", 1.0]}]}',
        name="tasks.json",
    )
    assert needs(plan) == {"1": [], "2": ["1"], "3": ["2", "1"]}


def test_a_repeated_id_is_told_and_dependencies_mean_the_first():
    plan = plan_of(task(1), task("1"), task(2, 1), task(3, parts=[{"id": 1}, {"id": 1}]))
    assert needs(plan) == {"1": [], "1~2": [], "2": ["1"], "3": []}
    assert "this task is called 1~2" in told(plan)
    assert "this subtask is called 3.1~2" in told(plan)


def test_a_task_without_an_id_gets_a_key():
    plan = plan_of({"title": "a"}, {"title": "b", "id": {}})
    assert list(needs(plan)) == ["task.1", "task.2"]
    assert told(plan).count("has no id") == 2


def test_a_subtask_may_have_the_whole_id():
    plan = plan_of(task(4, parts=[{"id": "4.1"}, {"id": "4.2", "dependencies": ["4.1"]}]))
    assert needs_of_parts(plan) == {"4.1": [], "4.2": ["4.1"]}


# ---------------------------------------------------------------- dependencies of tasks


def test_edges_that_mean_nothing_are_told_and_left_out():
    plan = plan_of(task(1, 1), task(2, 1, "1", 9, None, {"id": 1}))
    assert needs(plan) == {"1": [], "2": ["1"]}
    for said in ("1 depends on itself", "2 depends on 1 twice", "'9', which is not there", "is no id"):
        assert said in told(plan)


@pytest.mark.parametrize("written", [["1,2"], "1, 2", ["1", 2], [1, "", 2]])
def test_several_ids_in_one_text_are_several(written):
    assert needs(plan_of(task(1), task(2), {**task(3), "dependencies": written}))["3"] == ["1", "2"]


def test_a_circle_of_tasks_is_refused_and_named():
    with pytest.raises(AppError) as refused:
        plan_of(task(1, 3), task(2, 1), task(3, 2), task(4, 3))
    assert refused.value.details["cycle"] == ["1", "3", "2", "1"]
    assert "1 (line" in refused.value.message


def test_a_task_that_waits_for_a_subtask_waits_for_its_task():
    plan = plan_of(task(1, parts=[{"id": 1}]), task(2, "1.1"))
    assert needs(plan)["2"] == ["1"]
    assert "waits for all of 1" in told(plan)


# ---------------------------------------------------------------- dependencies of subtasks


def test_in_a_subtask_a_number_is_a_sibling_and_a_dotted_text_is_absolute():
    plan = plan_of(
        task(1, parts=[{"id": 1}, {"id": 2, "dependencies": [1]}]),
        task(2, 1, parts=[{"id": 1, "dependencies": ["1.2"]}, {"id": 2, "dependencies": ["1", "2.1"]}]),
    )
    assert needs_of_parts(plan) == {"1.1": [], "1.2": ["1.1"], "2.1": ["1.2"], "2.2": ["2.1"]}


def test_a_number_that_is_no_sibling_tells_that_all_of_them_are_tasks():
    plan = plan_of(
        task(1),
        task(2),
        task(7),
        task(8, 1, 2, 7, parts=[{"id": 1}, {"id": 2}, {"id": 3, "dependencies": [1, 7]}]),
    )
    assert needs_of_parts(plan)["8.3"] == ["1", "7"]
    assert "read as tasks" in told(plan)


def test_a_subtask_that_would_wait_for_itself_means_the_task_of_that_number():
    plan = plan_of(task(1), task(2, 1, parts=[{"id": 1, "dependencies": [1]}]))
    assert needs_of_parts(plan)["2.1"] == ["1"]


def test_a_number_that_is_nothing_at_all_is_told():
    plan = plan_of(task(1, parts=[{"id": 1}, {"id": 2, "dependencies": [1, 9]}]))
    assert needs_of_parts(plan)["1.2"] == ["1"]
    assert "1.2 depends on '9', which is not there" in told(plan)


def test_a_circle_among_subtasks_is_told_and_holds_back_nothing():
    plan = plan_of(task(1, parts=[{"id": 1, "dependencies": [2]}, {"id": 2, "dependencies": [1]}]))
    assert "1.1 → 1.2 → 1.1" in told(plan)
    assert needs(plan) == {"1": []}


def test_a_task_waits_for_what_one_of_its_subtasks_waits_for():
    plan = plan_of(task(1, parts=[{"id": 1}]), task(2, parts=[{"id": 1, "dependencies": ["1.1"]}]))
    assert needs(plan)["2"] == ["1"]
    assert "all of 2 waits for 1" in told(plan)


def test_what_a_task_waits_for_anyway_is_not_written_twice():
    plan = plan_of(task(1), task(2, 1), task(3, 2, parts=[{"id": 1, "dependencies": [7, "1"]}]))
    assert needs(plan)["3"] == ["2"]


def test_of_several_tasks_that_wait_for_each_other_the_last_is_enough():
    plan = plan_of(task(1), task(2, 1), task(3, 2), task(4, parts=[{"id": 7, "dependencies": [1, 3, 2]}]))
    assert needs_of_parts(plan)["4.7"] == ["1", "3", "2"]
    assert needs(plan)["4"] == ["3"]


def test_subtasks_of_two_tasks_that_wait_for_each_other_make_no_circle():
    one = {"id": 1, "dependencies": []}
    plan = plan_of(
        task(1, parts=[one, {"id": 2, "dependencies": ["2.1"]}]),
        task(2, parts=[one, {"id": 2, "dependencies": ["1.1"]}]),
    )
    assert sorted(needs(plan).values()) == [[], ["1"]]
    assert "1 cannot wait for it" in told(plan)


# ---------------------------------------------------------------- what a task says


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("done", PlanStatus.DONE),
        ("completed", PlanStatus.DONE),
        ("Done", PlanStatus.DONE),
        ("in-progress", PlanStatus.IN_PROGRESS),
        ("in_progress", PlanStatus.IN_PROGRESS),
        ("pending", PlanStatus.PENDING),
        (None, PlanStatus.PENDING),
        ("cancelled", PlanStatus.CANCELLED),
    ],
)
def test_statuses(said, status):
    plan = plan_of(task(1, status=said, parts=[{"id": 1, "title": "a", "status": said}]))
    assert (only(plan).status, only(plan).subtasks[0].status) == (status, status)
    assert not plan.warnings


@pytest.mark.parametrize("said", ["review", "deferred", "blocked", "failed", "made up"])
def test_every_other_status_is_still_to_do_and_told(said):
    plan = plan_of(*(task(number, status=said) for number in range(10)))
    assert {one.status for one in plan.tasks()} == {PlanStatus.PENDING}
    assert told(plan) == f"The status {said!r} is read as still to do: 0, 1, 2, 3, 4, 5, 6, 7 and 2 more."


def test_the_highest_priority_starts_first():
    said = ("critical", "high", "medium", None, "odd", "low")
    found = [
        one.priority
        for one in plan_of(
            *(task(key, priority=key) for key in said[:3]),
            task(4),
            task(5, priority="odd"),
            task(6, priority="low"),
        ).tasks()
    ]
    assert found == [2, 1, 0, 0, 0, -1]


def test_details_and_test_strategy_are_part_of_what_is_to_be_done():
    part = {"id": 1, "title": "Part", "description": "Why.", "details": "How."}
    plan = plan_of(
        task(
            1,
            description="What.",
            details="In full.\r\nMore.",
            testStrategy="Run it.",
            parts=[part, {"id": 2, "title": "b"}],
        )
    )
    assert only(plan).description == (
        "What.\n\nIn full.\nMore.\n\nTest strategy: Run it.\n\n1.1 Part\n\nWhy.\n\nHow."
    )
    assert [part.title for part in only(plan).subtasks] == ["Part", "b"]


def test_odd_values_become_text():
    plan = plan_of(task(1, title=" a\u0000\tb\ud800 ", description=["one", {"two": 3}], details=True))
    assert only(plan).title == "a b\ufffd"
    assert only(plan).description == "one\ntwo: 3"
    limits.text(only(plan).description)


def test_without_a_title_the_description_says_it():
    plan = plan_of({"id": 1, "description": "\nFirst.\nSecond."}, {"id": 2})
    assert [one.title for one in plan.tasks()] == ["First.", "Untitled"]
    assert told(plan).count("has no title") == 2


def test_long_texts_are_cut_and_nothing_is_lost_in_silence():
    plan = plan_of(task(1, title="t" * 600, description="d" * 70_000))
    assert len(only(plan).title) == limits.TITLE
    assert only(plan).description.startswith("t" * 600)
    assert len(only(plan).description) == limits.TEXT
    assert "was cut" in told(plan)


def test_subtasks_of_subtasks_are_told():
    plan = plan_of(task(1, parts=[{"id": 1, "title": "a", "subtasks": [{"id": 1}]}]))
    assert "What is below subtask 1.1 is not read" in told(plan)


def test_more_tasks_than_a_run_takes_are_refused(monkeypatch):
    monkeypatch.setattr(limits, "TASKS", 2)
    with pytest.raises(AppError, match="over the limit of 2 tasks"):
        plan_of(task(1), task(2), task(3))
