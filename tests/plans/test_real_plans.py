"""Plans that other people wrote, read from a folder that is no part of the project, against counts made apart from it."""

import json
import os
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app.domain.dag import find_cycle
from app.domain.plans import Plan, PlanFormat, PlanStatus
from app.plans import detect, read
from app.plans.phases import title_of
from app.plans.titles import clean

FOLDER = Path(os.environ.get("TRACKSIDE_TEST_PLANS") or Path(__file__).parents[3] / "shared" / "plans")
READ_HERE = ("conductor", "markdown", "speckit", "openspec")
STATUSES = ("done", "in_progress", "pending")


def expected() -> dict[str, dict[str, Any]]:
    counts = FOLDER / "expected.json"
    return json.loads(counts.read_text("utf-8"))["files"] if counts.exists() else {}


@cache
def all_items() -> list[dict[str, Any]]:
    lines = (FOLDER / "expected_items.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def names(
    *, formats: tuple[str, ...] | None = None, style: str | None = None, folded: bool | None = None
) -> list[Any]:
    """The documents in question, or one test that is skipped and says why."""
    found = [
        name
        for name, counts in expected().items()
        if (formats is None or counts["format"] in formats)
        and (style is None or counts.get("task_style") == style)
        and (folded is None or bool(counts.get("line_breaks_collapsed")) == folded)
    ]
    reason = f"no plan files in {FOLDER} (TRACKSIDE_TEST_PLANS names the folder)"
    return found or [pytest.param("", marks=pytest.mark.skip(reason=reason))]


pytestmark = pytest.mark.plans


def plan_of(name: str) -> Plan:
    return read((FOLDER / name).read_bytes(), name=name)


def work_in(name: str) -> list[dict[str, Any]]:
    """The boxes of a document that are no checklist."""
    no_work = {section["line"] for section in expected()[name]["checklist_sections_not_work"]}
    return [item for item in all_items() if item["file"] == name and item["section_line"] not in no_work]


def statuses(plan: Plan) -> dict[str, int]:
    count = Counter(task.status.value for task in plan.tasks())
    count.update(part.status.value for task in plan.tasks() for part in task.subtasks)
    return {status: count[status] for status in STATUSES}


@pytest.mark.parametrize("name", names(formats=READ_HERE, style="checkbox"))
def test_phases_tasks_subtasks_and_statuses_are_all_found(name):
    counts, plan = expected()[name]["without_checklists"], plan_of(name)
    assert {
        "phases": len(plan.phases),
        "top_level_tasks": sum(1 for _ in plan.tasks()),
        "subtasks": sum(len(task.subtasks) for task in plan.tasks()),
        **statuses(plan),
    } == {key: value for key, value in counts.items() if key != "sections_with_tasks"}


@pytest.mark.parametrize("name", names(formats=READ_HERE, style="checkbox", folded=False))
def test_every_phase_holds_what_it_holds(name):
    counts, plan = expected()[name], plan_of(name)
    no_work = {item["phase_line"] for item in all_items() if item["file"] == name} - {
        item["phase_line"] for item in work_in(name)
    }
    wanted = [phase for phase in counts["phase_list"] if phase["line"] not in no_work]
    assert [(phase.line, phase.title) for phase in plan.phases] == [
        (phase["line"], title_of(phase["title"])) for phase in wanted
    ]
    assert "checkpoint" not in " ".join(phase.title for phase in plan.phases)
    for phase, want in zip(plan.phases, wanted, strict=True):
        assert statuses(Plan(plan.format, phases=[phase])) == {status: want[status] for status in STATUSES}
        assert len(phase.tasks) == want["top"]


@pytest.mark.parametrize("name", names(formats=READ_HERE, style="checkbox", folded=False))
def test_every_box_is_read_once_in_its_place(name):
    plan = plan_of(name)
    read_as = [(task.line, None, task.status.value) for task in plan.tasks()]
    read_as += [(part.line, task.line, part.status.value) for task in plan.tasks() for part in task.subtasks]
    parents = {item["line"]: item["parent_line"] for item in work_in(name)}

    def top_of(line: int) -> int | None:
        above = parents[line]
        while above is not None and parents[above] is not None:
            above = parents[above]
        return above

    assert sorted(read_as, key=str) == sorted(
        ((item["line"], top_of(item["line"]), item["status"]) for item in work_in(name)), key=str
    )


@pytest.mark.parametrize("name", names(formats=READ_HERE, style="checkbox"))
def test_titles_are_those_of_the_document_in_its_order(name):
    plan = plan_of(name)
    titles = [
        title for task in plan.tasks() for title in (task.title, *(part.title for part in task.subtasks))
    ]
    for title, item in zip(titles, work_in(name), strict=True):
        wanted = clean(item["text"], done=item["status"] == "done")
        assert title[:60] in wanted or wanted[:60] in title
        # labels such as `[P] [US1]` stay; hashes in brackets do not
        assert not title.startswith(
            ("Task:", "**", "[") if not name.startswith("speckit") else ("Task:", "**")
        )
        assert "**" not in title


@pytest.mark.parametrize("name", names(formats=READ_HERE, style="heading"))
def test_tasks_written_as_headings_are_all_found(name):
    headings, plan = expected()[name]["heading_tasks"], plan_of(name)
    assert [(task.key, task.line, task.status.value) for task in plan.tasks()] == [
        (item["id"], item["line"], item["status"].replace("none", "pending")) for item in headings["items"]
    ]
    # a plan without phases has one
    wanted = [(phase["line"], phase["title"], phase["tasks"]) for phase in headings["phase_list"]]
    found = [(phase.line, phase.title, len(phase.tasks)) for phase in plan.phases]
    assert found == wanted or (not wanted and len(found) == 1)
    assert all(task.description for task in plan.tasks())


@pytest.mark.parametrize("name", names(formats=("conductor", "markdown")))
def test_tasks_wait_for_the_one_before_and_for_the_last_unfinished_one(name):
    for phase in plan_of(name).phases:
        unfinished = None
        for before, task in pairwise(phase.tasks):
            if before.status is not PlanStatus.DONE:
                unfinished = before.key
            assert task.depends_on[0] == before.key
            assert len(task.depends_on) <= 2
            if task.status is not PlanStatus.DONE and unfinished:
                assert unfinished in task.depends_on
        assert phase.tasks[0].depends_on == []


@pytest.mark.parametrize("name", names(formats=READ_HERE))
def test_keys_are_unique_and_every_dependency_can_be_met(name):
    plan = plan_of(name)
    places = {task.key: place for place, phase in enumerate(plan.phases) for task in phase.tasks}
    assert len(places) == sum(1 for _ in plan.tasks())
    for task in plan.tasks():
        assert len(set(task.depends_on)) == len(task.depends_on)
        assert all(places[on] <= places[task.key] for on in task.depends_on)
    assert find_cycle({task.key: task.depends_on for task in plan.tasks()}) is None


@pytest.mark.parametrize("name", names(formats=READ_HERE))
def test_checklists_and_lost_line_breaks_are_told(name):
    counts, plan = expected()[name], plan_of(name)
    told = {warning.line: warning.message for warning in plan.warnings}
    for section in counts["checklist_sections_not_work"]:
        assert section["title"] in told[section["line"]]
        assert str(section["items"]) in told[section["line"]]
    if counts.get("line_breaks_collapsed"):
        assert "line breaks" in told[1]


@pytest.mark.parametrize("name", names(formats=("conductor", "speckit", "openspec")))
def test_plans_of_a_tool_are_known_by_their_place(name):
    folder, _, _file = name.partition("/")
    format = {
        "conductor": PlanFormat.CONDUCTOR,
        "speckit": PlanFormat.SPEC_KIT,
        "openspec": PlanFormat.OPENSPEC,
    }[folder]
    assert plan_of(name).format is format
    assert detect((FOLDER / name).read_bytes(), expected()[name]["path"]) is format


@pytest.mark.parametrize("name", names(formats=("speckit", "openspec"), style="checkbox"))
def test_plans_of_a_tool_are_known_by_their_text(name):
    format = detect((FOLDER / name).read_bytes(), "tasks.md")
    assert format is (PlanFormat.SPEC_KIT if name.startswith("speckit") else PlanFormat.OPENSPEC)


@pytest.mark.parametrize("name", names(formats=("speckit", "openspec"), style="checkbox"))
def test_ids_of_the_document_are_the_keys(name):
    given = [(item["line"], item["id"]) for item in work_in(name) if item["depth"] == 0]
    found = {task.line: task.key for task in plan_of(name).tasks()}
    repeated = {id for id, count in Counter(id for _, id in given if id).items() if count > 1}
    assert repeated == set(expected()[name]["duplicate_ids"])
    seen = set()
    for line, id in given:
        if id is not None:
            assert found[line] == id if id not in seen else found[line].startswith(f"{id}~")
            seen.add(id)
    told = {warning.line for warning in plan_of(name).warnings}
    assert told >= {line for line, _ in given if "~" in found[line]}


@pytest.mark.parametrize("name", names(formats=("speckit", "openspec"), style="checkbox"))
def test_lines_that_look_like_boxes_are_told(name):
    counts = expected()[name]
    told = {warning.line for warning in plan_of(name).warnings}
    assert told >= {line for line, _ in counts["boxes_with_unknown_mark"]}
    assert told >= set(counts["empty_box_lines"])


@pytest.mark.parametrize("name", names(formats=("speckit",)))
def test_parallel_marks_are_those_of_the_document(name):
    plan = plan_of(name)
    marked = {item["line"] for item in work_in(name) if item["P"]}
    for phase in plan.phases:
        for before, task in pairwise(phase.tasks):
            if before.line in marked and task.line in marked:
                assert before.key not in task.depends_on or before.key in told_of(name).get(task.key, ())
            elif task.line not in marked:
                assert before.key in task.depends_on


TOLD = {
    "speckit/realtime-websocket.md": {"T005": ["T002"], "T011": ["T010"], "T032": ["T018"]},
    "speckit/litellm-library.md": {
        "T030": ["T027", "T028", "T029"],
        "T033": ["T031", "T032"],
        "T035": ["T034"],
    },
    "speckit/permissions-redesign-ja.md": {
        "T150e": ["T150a", "T150b", "T150c", "T150d"],
        # “are sequential”, although marked [P]
        **{f"T040{after}": [f"T040{before}"] for before, after in pairwise("abcdefg")},
    },
    "speckit/customizable-sidebars.md": {
        "FOUND-001": ["SETUP-003", "SETUP-004"],
        "FOUND-012": ["FOUND-001", "FOUND-002", "FOUND-003", "FOUND-004"],
        "COMP-001": ["FOUND-001", "FOUND-004", "FOUND-013", "FOUND-014"],
    },
    "openspec/skill-instructions.md": {"9.2": ["9.1"]},
    "openspec/requirements-model-zh.md": {
        "1.4": ["1.3"],
        "1.7": ["1.6"],
        "2.2": ["2.1"],
        "3.2": ["3.1"],
        "3.3": ["2.1"],
        "4.2": ["4.1"],
    },
}
"""What the documents say themselves, beside their order."""


def told_of(name: str) -> dict[str, list[str]]:
    return TOLD.get(name, {})


@pytest.mark.parametrize("name", list(TOLD) if expected() else names())
def test_what_a_document_says_of_dependencies_is_kept(name):
    if name not in expected():
        pytest.skip(f"no plan files in {FOLDER}")
    found = {task.key: task.depends_on for task in plan_of(name).tasks()}
    for key, needed in TOLD[name].items():
        assert set(needed) <= set(found[key])


@pytest.mark.parametrize("name", names(formats=("openspec",), style="heading"))
def test_tasks_that_all_list_their_dependencies_wait_for_nothing_else(name):
    found = {task.key: task.depends_on for task in plan_of(name).tasks()}
    assert found == {"1": [], "2": ["1"], "3": [], "4": ["1", "2"], "5": ["1", "2", "3", "4"], "6": ["5"]}


@pytest.mark.parametrize("name", names(formats=("openspec",), style="heading+checkbox"))
def test_headings_that_depend_on_each_other_are_the_tasks_and_boxes_their_steps(name):
    """The counts by boxes are another reading: these headings carry numbers, check marks and dependencies."""
    counts, plan = expected()[name], plan_of(name)
    headings = counts["heading_tasks"]
    assert [(task.key, task.line, task.status.value) for task in plan.tasks()] == [
        (item["id"], item["line"], item["status"]) for item in headings["items"]
    ]
    assert [(phase.line, len(phase.tasks)) for phase in plan.phases] == [
        (phase["line"], phase["tasks"]) for phase in headings["phase_list"]
    ]
    boxes = counts["without_checklists"]
    assert sum(len(task.subtasks) for task in plan.tasks()) == boxes["top_level_tasks"] + boxes["subtasks"]
