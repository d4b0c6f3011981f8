import pytest

from app.domain.plans import PlanFormat
from app.plans import detect, read
from app.plans.detect import READERS

YAML = "title: x\ntasks:\n- key: a\n  title: b\n"


@pytest.mark.parametrize(
    ("text", "name", "format"),
    [
        ("- [ ] a", "plan.md", PlanFormat.MARKDOWN),
        ("- [ ] a", "notes", PlanFormat.MARKDOWN),
        ("- [ ] a", "conductor/tracks/x/plan.md", PlanFormat.CONDUCTOR),
        ("- [ ] a", "C:\\work\\conductor\\plan.md", PlanFormat.CONDUCTOR),
        ("- [ ] a", "semiconductor/plan.md", PlanFormat.MARKDOWN),
        ("- [ ] Task: a", "plan.md", PlanFormat.CONDUCTOR),
        ("* [x] **Task:** a", "plan.md", PlanFormat.CONDUCTOR),
        ("text about a Task: here\n- [ ] a", "plan.md", PlanFormat.MARKDOWN),
        ("- [ ] Conductor - User Manual Verification 'x'", "plan.md", PlanFormat.CONDUCTOR),
        ("- [ ] a", "specs/001-tea/tasks.md", PlanFormat.SPEC_KIT),
        ("- [ ] a", "C:\\work\\specs\\001-tea\\tasks.md", PlanFormat.SPEC_KIT),
        ("- [ ] a", ".specify/tasks.md", PlanFormat.SPEC_KIT),
        ("- [ ] a", "specs/tea/tasks.md", PlanFormat.MARKDOWN),
        ("- [ ] a", "openspec/changes/add-tea/tasks.md", PlanFormat.OPENSPEC),
        ("- [ ] a", "/home/x/.kiro/specs/tea/tasks.md", PlanFormat.KIRO),
        ("- [ ] a", ".kiro/specs/001-tea/tasks.md", PlanFormat.KIRO),
        # the innermost folder is that of the tool
        ("- [ ] Task: a", "conductor/openspec/changes/x/tasks.md", PlanFormat.OPENSPEC),
        ("- [ ] T001 a", "openspec/conductor/tracks/x/plan.md", PlanFormat.CONDUCTOR),
        ("- [ ] T001 a", "tasks.md", PlanFormat.SPEC_KIT),
        ("- [ ] T001 [P] a\n- [ ] **T002** b\n- [ ] c", "tasks.md", PlanFormat.SPEC_KIT),
        ("- [ ] [SETUP-001] P1 a", "tasks.md", PlanFormat.SPEC_KIT),
        ("- [ ] T1 a\n- [ ] T2 b", "tasks.md", PlanFormat.MARKDOWN),
        ("- [ ] T001 a\n- [ ] b\n- [ ] c", "tasks.md", PlanFormat.MARKDOWN),
        ("- [ ] a, as T001 says", "tasks.md", PlanFormat.MARKDOWN),
        ("- [ ] Task: T001 a", "tasks.md", PlanFormat.CONDUCTOR),
        ("## 1. A\n- [ ] 1.1 a\n## 2. B\n- [x] 2.1 b", "tasks.md", PlanFormat.OPENSPEC),
        ("## 1. A\n- [ ] 1.1 a\n- [ ] b\n- [ ] c", "tasks.md", PlanFormat.MARKDOWN),
        ("## Phase 1: A\n- [ ] 1.1 a", "tasks.md", PlanFormat.MARKDOWN),
        ("## 2. A\n- [ ] 1.1 a", "tasks.md", PlanFormat.MARKDOWN),
        ("- [ ] 1. a\n- [ ] 1.1 b", "tasks.md", PlanFormat.MARKDOWN),
        ("- [ ] 1. a\n  - _Requirements: 1.1_", "tasks.md", PlanFormat.KIRO),
        ("- [ ] 1. a\n- [ ]* 2. b", "tasks.md", PlanFormat.KIRO),
        ("## 1. A\n- [ ] 1.1 a\n  - _Requirements: 1.1_", "tasks.md", PlanFormat.KIRO),
        ("- [ ] a\n  - Requirements: 1.1", "tasks.md", PlanFormat.MARKDOWN),
        ("- [ ] *a* b", "tasks.md", PlanFormat.MARKDOWN),
        ("anything", "plan.yaml", PlanFormat.TRACKSIDE),
        (YAML, "openspec/changes/x/plan.yaml", PlanFormat.TRACKSIDE),
        ("anything", "PLAN.YML", PlanFormat.TRACKSIDE),
        (YAML, "conductor/plan.yaml", PlanFormat.TRACKSIDE),
        (YAML, "plan", PlanFormat.TRACKSIDE),
        ("# comment\n---\n" + YAML, "plan.txt", PlanFormat.TRACKSIDE),
        (YAML, "plan.md", PlanFormat.MARKDOWN),
        ("tasks:\n- [ ] a\n", "plan", PlanFormat.MARKDOWN),
        ('{"tasks": [{"key": "a", "title": "b"}]}', "plan.json", PlanFormat.TRACKSIDE),
        ('{"tasks": [{"key": "a", "title": "b"}]}', "plan", PlanFormat.TRACKSIDE),
        ('{"tasks": [{"id": 1, "title": "b"}]}', "tasks.json", PlanFormat.TASK_MASTER),
        ('\n {"master": {"tasks": [{"id": 1}]}}', "plan", PlanFormat.TASK_MASTER),
        ('{"tags": 1, "master": {"tasks": []}}', "tasks.json", PlanFormat.TASK_MASTER),
        ('{"tasks": [], "master": {"tasks": [{"title": "b"}]}}', "tasks.json", PlanFormat.TASK_MASTER),
        ('{"tasks": [', ".taskmaster/tasks/tasks.json", PlanFormat.TASK_MASTER),
    ],
)
def test_name_and_text_decide(text, name, format):
    assert detect(text, name) is format


@pytest.mark.parametrize(
    "text",
    [
        '{"version": "2.0.0", "tasks": [{"label": "build", "command": "make"}]}',
        '{"deno": {"tasks": {"build": "make"}}}',
        '{"name": "package"}',
        "[1, 2]",
        '"text"',
    ],
)
def test_other_json_is_refused_as_unknown(refusal, text):
    assert "no plan that is known" in refusal(text, "tasks.json").message


def test_broken_json_is_refused_with_its_line(refusal):
    refused = refusal('{\n  "tasks": [\n', "tasks.json")
    assert refused.details["line"] == 3
    assert "not valid JSON" in refused.message


def test_bottomless_json_is_refused(refusal):
    assert "nested too deeply" in refusal("[" * 200_000, "tasks.json").message


@pytest.mark.parametrize("text", ["", "\n\n", "# Read me\n\nThis is a project.\n\n- a list\n", "just words"])
def test_what_holds_no_tasks_is_refused(refusal, text):
    assert "no tasks were found" in refusal(text, "README.md").message


@pytest.mark.parametrize("start", ["<!DOCTYPE html>", "\n<html lang='en'>"])
def test_a_web_page_is_refused_whatever_it_holds(refusal, start):
    assert "HTML" in refusal(f"{start}\n<body>\n\n- [ ] a\n", "page.html").message


def test_a_refusal_says_what_looked_like_tasks(refusal):
    refused = refusal("# Plan\n\n-[ ]one\n-[ ]two\n")
    assert refused.details["line"] == 3
    assert "-[ ]one" in refused.message
    assert [warning["line"] for warning in refused.details["warnings"]] == [3, 4]


def test_a_format_that_is_asked_for_is_taken(refusal):
    assert read("- [ ] Task: a", name="x.md", format=PlanFormat.MARKDOWN).format is PlanFormat.MARKDOWN
    assert read(YAML, name="x.md", format=PlanFormat.TRACKSIDE).format is PlanFormat.TRACKSIDE


def test_every_format_has_one_reader():
    assert sorted(reader.format for reader in READERS) == sorted(PlanFormat)


def test_a_plan_tells_its_format():
    for name, text in (("a.md", "- [ ] a"), ("a.yaml", YAML), ("conductor/a.md", "- [ ] a")):
        assert read(text, name=name).format is detect(text, name)
