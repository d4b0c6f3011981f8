"""Plans that other people wrote, read from a folder that is no part of the project, against counts made apart from it."""

import json
import os
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.domain.plans import Plan, PlanFormat, PlanStatus
from app.plans import read
from app.plans.phases import title_of
from app.plans.titles import clean

FOLDER = Path(os.environ.get("TRACKSIDE_TEST_PLANS") or Path(__file__).parents[3] / "shared" / "plans")
READ_HERE = ("conductor", "markdown")
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
        assert not title.startswith(("Task:", "**", "["))
        assert "**" not in title


@pytest.mark.parametrize("name", names(formats=READ_HERE, style="heading"))
def test_tasks_written_as_headings_are_all_found(name):
    headings, plan = expected()[name]["heading_tasks"], plan_of(name)
    assert [(task.key, task.line, task.status.value) for task in plan.tasks()] == [
        (item["id"], item["line"], item["status"]) for item in headings["items"]
    ]
    assert [(phase.line, phase.title, len(phase.tasks)) for phase in plan.phases] == [
        (phase["line"], phase["title"], phase["tasks"]) for phase in headings["phase_list"]
    ]
    assert all(task.description for task in plan.tasks())


@pytest.mark.parametrize("name", names(formats=READ_HERE))
def test_tasks_wait_for_the_one_before_and_keys_are_unique(name):
    plan = plan_of(name)
    keys = [task.key for task in plan.tasks()]
    assert len(set(keys)) == len(keys)
    for phase in plan.phases:
        before = [[], *([task.key] for task in phase.tasks[:-1])]
        assert [task.depends_on for task in phase.tasks] == before


@pytest.mark.parametrize("name", names(formats=READ_HERE))
def test_checklists_and_lost_line_breaks_are_told(name):
    counts, plan = expected()[name], plan_of(name)
    told = {warning.line: warning.message for warning in plan.warnings}
    for section in counts["checklist_sections_not_work"]:
        assert section["title"] in told[section["line"]]
        assert str(section["items"]) in told[section["line"]]
    if counts.get("line_breaks_collapsed"):
        assert "line breaks" in told[1]


@pytest.mark.parametrize("name", names(formats=("conductor",)))
def test_conductor_plans_are_known_by_their_place(name):
    assert plan_of(name).format is PlanFormat.CONDUCTOR


@pytest.mark.parametrize("name", names(formats=("speckit", "openspec"), style="checkbox"))
def test_task_lists_of_other_tools_can_be_read_as_markdown(name):
    counts = expected()[name]
    plan = read((FOLDER / name).read_bytes(), name=name, format=PlanFormat.MARKDOWN)
    assert sum(1 for _ in plan.tasks()) == counts["without_checklists"]["top_level_tasks"]
    assert len(plan.phases) == counts["without_checklists"]["phases"]
    told = {warning.line for warning in plan.warnings}
    assert told >= {line for line, _ in counts["boxes_with_unknown_mark"]}
    assert told >= set(counts["empty_box_lines"])
    done = sum(1 for task in plan.tasks() if task.status is PlanStatus.DONE)
    assert done == counts["top_level"]["done"]
