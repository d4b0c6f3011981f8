"""Which files of a project are plans."""

import json
import os
from pathlib import Path

import pytest

from app.domain.plans import PlanFormat
from app.plans import finding

MARKDOWN = "# Tea\n\n- [x] Boil\n- [ ] Pour\n"
YAML = "title: Coffee\ntasks:\n- {key: a, title: A}\n"
TASKS = json.dumps(
    {"master": {"tasks": [{"id": 1, "title": "a", "status": "cancelled"}, {"id": 2, "title": "b"}]}}
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def put(root: Path, path: str, text: str = MARKDOWN) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def paths(root: Path) -> list[str]:
    return [plan.path for plan in finding.find(str(root))]


def test_plans_are_told_with_their_format_title_and_counts(root):
    put(root, "plan.md")
    put(root, "deploy-plan.yaml", YAML)
    put(root, ".taskmaster/tasks/tasks.json", TASKS)
    assert [
        (one.path, one.format, one.title, one.tasks, one.completed) for one in finding.find(str(root))
    ] == [
        (".taskmaster/tasks/tasks.json", PlanFormat.TASK_MASTER, None, 2, 1),
        ("deploy-plan.yaml", PlanFormat.TRACKSIDE, "Coffee", 1, 0),
        ("plan.md", PlanFormat.MARKDOWN, "Tea", 2, 1),
    ]


def test_every_file_that_is_called_after_plans_or_tasks_counts(root):
    names = [
        "PLAN.md",
        "TODO.md",
        "a/tasks.md",
        "docs/plans/tea.md",
        "my_plan.v2.md",
        "road/roadmap.markdown",
    ]
    for name in [*names, "README.md", "planet.md", "multitasking.md", "plan.txt", "docs/tea.md"]:
        put(root, name)
    assert paths(root) == sorted(names)


@pytest.mark.parametrize("text", ["", "# No tasks\n", "\0", "x: 1\n"])
def test_what_cannot_be_read_as_a_plan_is_left_out(root, text):
    put(root, "plan.md", text)
    put(root, "plan.yaml", text)
    put(root, "tasks.json", '{"tasks": [')
    put(root, "plan.yml", "settings:\n  tasks: 3\n")
    assert paths(root) == []


def test_directories_that_hold_what_others_wrote_are_not_entered(root):
    for folder in (".git", "node_modules", ".hidden", "vendor", ".specify/templates", "env", "a/b/.venv"):
        put(root, f"{folder}/plan.md")
    put(root, "env/pyvenv.cfg", "")
    for folder in (".kiro/specs/x", ".specify/specs", ".taskmaster"):
        put(root, f"{folder}/tasks.md")
    assert paths(root) == [".kiro/specs/x/tasks.md", ".specify/specs/tasks.md", ".taskmaster/tasks.md"]


def test_links_are_not_followed(root, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    put(outside, "plan.md")
    (root / "plan.md").symlink_to(outside / "plan.md")
    (root / "plans").symlink_to(outside)
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "tasks.md")
    assert paths(root) == []


def test_a_changed_file_is_read_again(root):
    put(root, "plan.md")
    assert finding.find(str(root))[0].completed == 1
    put(root, "plan.md", MARKDOWN.replace("[ ]", "[x]") + "- [ ] Drink\n")
    assert [(one.tasks, one.completed) for one in finding.find(str(root))] == [(3, 2)]


def test_an_unchanged_file_is_read_once(root, monkeypatch):
    put(root, "plan.md")
    first = finding.find(str(root))
    monkeypatch.setattr(finding, "_read", None)
    assert finding.find(str(root)) == first


def test_the_walk_is_bounded(root, monkeypatch):
    for number in range(5):
        put(root, f"{number}/plan.md")
    deep = "/".join(["d"] * 17)
    put(root, f"{deep}/plan.md")
    assert len(paths(root)) == 5
    monkeypatch.setattr(finding, "MOST_PLANS", 3)
    assert len(paths(root)) == 3
    monkeypatch.setattr(finding, "MOST_ENTRIES", 8)
    assert len(paths(root)) == 2
    monkeypatch.setattr(finding, "MOST_FILE", 10)
    assert paths(root) == []


def test_no_more_is_read_than_is_sensible(root, monkeypatch):
    for number in range(3):
        put(root, f"{number}/plan.md")
    monkeypatch.setattr(finding, "MOST_BYTES", len(MARKDOWN))
    assert paths(root) == ["0/plan.md"]


def test_a_root_that_is_gone_has_no_plans(root):
    assert paths(root / "nowhere") == []
