import pytest

from app.plans.checklists import is_checklist_name


@pytest.mark.parametrize(
    "name",
    [
        "Success Criteria",
        "✅ 5. Success Criteria (MVP)",
        "**Acceptance Criteria:**",
        "Phase 2 Acceptance Criteria",
        "Overall Success Criteria",
        "Definition of Done (DoD)",
        "Definition of Done - all phases",
        "Verification Checklist",
        "Manual Testing Checklist",
        "Final Checklist",
        "Task Status Legend",
        "验收标准",
        "受け入れ基準",
        "完了条件",
        "완료 기준",
        "Criterios de aceptación",
        "Critérios de sucesso",
        "Critères d\u2019acceptation",
        "Akzeptanzkriterien",
        "Критерии приёмки",
    ],
)
def test_sections_that_are_no_work_are_known(name):
    assert is_checklist_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Phase 2: Acceptance Criteria",
        "Search Criteria",
        "Implement acceptance criteria",
        "Checklist",
        "Implementation Checklist",
        "Release Checklist",
        "Verification",
        "Acceptance tests",
        "Phase 1 Checkpoint",
        "Tasks",
    ],
)
def test_sections_that_may_be_work_are_left_alone(name):
    assert not is_checklist_name(name)


def test_a_checklist_is_not_imported_but_told_with_section_line_and_boxes(markdown):
    plan = markdown(
        "## Phase 1: A\n- [ ] a\n\n## Success Criteria\n\n- [ ] fast\n  - [ ] very\n- [x] small\n"
    )
    assert [task.title for task in plan.tasks()] == ["a"]
    (warning,) = plan.warnings
    assert warning.line == 4
    assert "Success Criteria" in warning.message
    assert "3 boxes" in warning.message


def test_sections_inside_a_checklist_belong_to_it(markdown):
    plan = markdown(
        "## Phase 1: A\n- [ ] a\n## Success Criteria\n### Speed\n- [ ] fast\n### Size\n- [ ] small\n- [ ] tiny\n"
    )
    assert [task.title for task in plan.tasks()] == ["a"]
    assert [(warning.line, "Success Criteria" in warning.message) for warning in plan.warnings] == [
        (4, True),
        (6, True),
    ]


def test_the_section_after_a_checklist_is_work_again(markdown):
    plan = markdown("## Phase 1: A\n- [ ] a\n### Acceptance Criteria\n- [ ] no\n## Phase 2: B\n- [ ] b\n")
    assert [task.title for task in plan.tasks()] == ["a", "b"]


def test_boxes_that_call_themselves_tasks_are_work_wherever_they_stand(markdown):
    plan = markdown("## Phase 1: A\n- [ ] a\n## Acceptance Criteria\n- [ ] Task: Check it\n- [ ] and this\n")
    assert [task.title for task in plan.tasks()] == ["a", "Check it", "and this"]


def test_a_document_of_checklists_alone_is_no_plan(refusal):
    refused = refusal("# Acceptance Criteria\n- [ ] a\n- [ ] b\n")
    assert "no tasks" in refused.message
    assert "2 boxes" in refused.message
