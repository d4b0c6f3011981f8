"""What is shown of a plan, without any server."""

from pathlib import Path

from tests.cli.program import Trackside, task, write_plan
from tests.e2e.served import Served

PLAN = """\
# Make tea

## Phase 1: Water

- [x] Fill the kettle
- [ ] Boil it
  - [x] Switch it on
  - [ ] Wait

## Phase 2: Leaves

- [ ] Pour
"""


def test_a_plan_is_shown_as_json(alone: Trackside, project: Path) -> None:
    (project / "plan.md").write_text(PLAN)

    shown = alone("plan", "show", "plan.md", "--output", "json").json

    assert set(shown) == {"format", "title", "phases", "warnings"}
    assert shown["title"] == "Make tea"
    assert [phase["title"] for phase in shown["phases"]] == ["Phase 1: Water", "Phase 2: Leaves"]
    for phase in shown["phases"]:
        assert set(phase) == {"key", "title", "tasks"}
        for one in phase["tasks"]:
            assert set(one) == {"key", "title", "status", "dependsOn", "subtasks"}
    water = shown["phases"][0]["tasks"]
    assert [(task["title"], task["status"]) for task in water] == [
        ("Fill the kettle", "done"),
        ("Boil it", "pending"),
    ]
    assert water[1]["subtasks"] == [
        {"title": "Switch it on", "status": "done"},
        {"title": "Wait", "status": "pending"},
    ]


def test_what_could_not_be_read_is_told_with_its_line(alone: Trackside, project: Path) -> None:
    (project / "plan.md").write_text(f"{PLAN}\n-[ ] Stir\n")

    as_json = alone("plan", "show", "plan.md", "--output", "json").json
    assert [set(warning) for warning in as_json["warnings"]] == [{"line", "message"}]
    assert as_json["warnings"][0]["line"] == 14

    text = alone("plan", "show", "plan.md")
    assert "✓ " in text.out
    assert "Boil it" in text.out
    assert text.err.startswith("line 14: ")


def test_dependencies_are_shown(alone: Trackside, project: Path) -> None:
    (project / "plan.yaml").write_text(
        "tasks:\n- {key: a, title: First}\n- {key: b, title: Second, dependsOn: [a]}\n"
    )

    assert "b  Second  (after a)" in alone("plan", "show", "plan.yaml").out
    (phase,) = alone("plan", "show", "plan.yaml", "--output", "json").json["phases"]
    assert [task["dependsOn"] for task in phase["tasks"]] == [[], ["a"]]


def test_the_shape_of_a_plan_is_summed_up(alone: Trackside, project: Path) -> None:
    tasks = "".join(f"- [{'x' if number < 4 else ' '}] T{number:03} [P] x\n" for number in range(1, 12))
    (project / "tasks.md").write_text(
        f"## Phase 1: Work\n\n{tasks}- [ ] T012 Join\n- [ ] T013 Rest (depends on T099)\n"
    )

    shown = alone("plan", "show", "tasks.md")

    assert "SPEC_KIT: 13 tasks in 1 phase, 3 of them done; 12 edges, 1 warning" in shown.out
    assert "Phase 1: Work  (3 of 13 done)" in shown.out
    assert "T012  Join  (after T001, T002, T003, T004, T005, T006, T007, T008 and 3 more)" in shown.out
    assert shown.err.startswith("line 15: T099 is no task of this plan")


def test_the_format_may_be_said(alone: Trackside, project: Path) -> None:
    (project / "notes").write_text(PLAN)

    for format in ("markdown", "CONDUCTOR"):
        shown = alone("plan", "show", "notes", "--format", format, "--output", "json").json
        assert shown["format"] == format.upper()


def test_what_is_no_plan_is_refused(alone: Trackside, project: Path) -> None:
    (project / "plan.yaml").write_text("tasks:\n- {key: a, title: A, dependsOn: [b]}\n- {key: a, title: B}\n")
    (project / "binary.md").write_bytes(b"\0\xff")

    invalid = alone("plan", "show", "plan.yaml", "--output", "json")
    assert (invalid.status, invalid.error["code"]) == (2, "PLAN_INVALID")
    assert invalid.error["suggestion"]
    for path in ("binary.md", "missing.md", "."):
        refused = alone("plan", "show", path)
        assert refused.status == 2
        assert refused.err.startswith("Error [")


def test_plans_of_the_project_are_listed(trackside: Trackside, server: Served, project: Path) -> None:
    (project / "plan.md").write_text(PLAN)
    none = trackside("plan", "list", "--output", "json")
    assert (none.status, none.error["code"]) == (2, "NOT_FOUND")
    plan = write_plan(project, "Listed", task("a", "true"))
    assert trackside("run", plan, "--url", server.url).status == 0

    listed = trackside("plan", "list").lines
    assert listed[0].split() == ["PATH", "FORMAT", "DONE", "TITLE"]
    assert listed[1].split() == ["plan.json", "TRACKSIDE", "0/1", "Listed"]
    as_json = trackside("plan", "list", "--project", str(project), "--output", "json").json
    assert [one["path"] for one in as_json] == ["plan.json", "plan.md"]
    assert as_json[1]["taskCount"] == 3
