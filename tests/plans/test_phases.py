"""Which headings are phases, what tasks are called, and what they wait for."""

import pytest

from app.domain.plans import PlanFormat
from app.plans import read


def phases(plan):
    return [(phase.key, phase.title, [task.key for task in phase.tasks]) for phase in plan.phases]


def test_phases_are_the_headings_that_say_so(markdown):
    plan = markdown(
        """
        # The plan

        ## Overview
        Words.

        ## Phase 1: Begin
        - [ ] a

        ### Details
        - [ ] b

        ## Phase 2: End
        - [ ] c
        """
    )
    assert plan.title == "The plan"
    assert phases(plan) == [
        ("phase-1", "Phase 1: Begin", ["1.1", "1.2"]),
        ("phase-2", "Phase 2: End", ["2.1"]),
    ]
    assert [phase.line for phase in plan.phases] == [7, 13]


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5, 6])
def test_phases_may_be_headings_of_any_rank(markdown, level):
    mark = "#" * level
    plan = markdown(f"{mark} Phase 1: A\n- [ ] a\n{mark} Phase 2: B\n- [ ] b\n")
    assert [phase.title for phase in plan.phases] == ["Phase 1: A", "Phase 2: B"]


def test_phases_below_one_heading_around_them_are_found(markdown):
    plan = markdown(
        "# 計画\n## 開発\n### フェーズ 1: 準備\n- [ ] a\n### フェーズ 1.5: 中間\n- [ ] b\n### フェーズ 2: 仕上げ\n- [ ] c\n"
    )
    assert plan.title == "計画"
    assert phases(plan) == [
        ("phase-1", "フェーズ 1: 準備", ["1.1"]),
        ("phase-1.5", "フェーズ 1.5: 中間", ["1.5.1"]),
        ("phase-2", "フェーズ 2: 仕上げ", ["2.1"]),
    ]


@pytest.mark.parametrize(
    "word", ["Phase 3", "阶段 3", "第3阶段", "3단계", "Fase 3", "Étape 3", "Этап 3", "phase 3"]
)
def test_phases_are_known_in_several_languages(markdown, word):
    plan = markdown(f"# T\n## Work\n### {word}: x\n- [ ] a\n### Other\n- [ ] b\n")
    assert [phase.key for phase in plan.phases] == ["phase-3", "other"]


def test_sections_without_the_word_are_phases_too(markdown):
    plan = markdown("# T\n## 1. Set up\n- [ ] a\n## 2. Build it\n### Part\n- [ ] b\n## Clean-up\n- [ ] c\n")
    assert phases(plan) == [
        ("phase-1", "1. Set up", ["1.1"]),
        ("phase-2", "2. Build it", ["2.1"]),
        ("clean-up", "Clean-up", ["3.1"]),
    ]


def test_tasks_without_any_heading_are_one_phase(markdown):
    assert phases(markdown("- [ ] a\n- [ ] b\n")) == [("tasks", "Tasks", ["1.1", "1.2"])]


def test_a_title_alone_is_the_only_phase(markdown):
    plan = markdown("# My plan\n- [ ] a\n")
    assert (plan.title, phases(plan)) == ("My plan", [("my-plan", "My plan", ["1.1"])])


def test_tasks_outside_every_phase_keep_their_own_section(markdown):
    plan = markdown(
        "# T\n- [ ] first\n## Phase 1: A\n- [ ] a\n## Phase 2: B\n- [ ] b\n# Afterwards\n- [ ] last\n"
    )
    assert [phase.title for phase in plan.phases] == ["T", "Phase 1: A", "Phase 2: B", "Afterwards"]


def test_headings_about_a_phase_are_none(markdown):
    plan = markdown("## Phase 1: A\n- [ ] a\n### Phase 1 Checkpoint\n- [ ] b\n## Phase 2: B\n- [ ] c\n")
    assert [len(phase.tasks) for phase in plan.phases] == [2, 1]


def test_headings_without_tasks_are_no_phases(markdown):
    assert len(markdown("## Phase 1: A\n- [ ] a\n## Phase 2: B\nnothing\n").phases) == 1


def test_a_title_that_speaks_of_a_phase_is_still_the_title(markdown):
    plan = markdown("# Phase 3: The plan\n## Set up\n- [ ] a\n## Build\n- [ ] b\n")
    assert plan.title == "Phase 3: The plan"
    assert [phase.title for phase in plan.phases] == ["Set up", "Build"]


def test_parts_of_a_phase_are_no_phases(markdown):
    plan = markdown(
        "## Phase 1: A\n### Phase 1.1: a\n- [ ] a\n### Phase 1.2: b\n- [ ] b\n## Phase 2: B\n- [ ] c\n"
    )
    assert [(phase.title, len(phase.tasks)) for phase in plan.phases] == [
        ("Phase 1: A", 2),
        ("Phase 2: B", 1),
    ]


def test_the_only_phase_is_one(markdown):
    plan = markdown("# T\n## Phase 1: A\n### Front\n- [ ] a\n### Back\n- [ ] b\n## Phase 2: B\nlater\n")
    assert [phase.title for phase in plan.phases] == ["Phase 1: A"]


def test_two_phases_of_the_same_number_stay_apart(markdown):
    plan = markdown("## Phase 1: A\n- [ ] a\n## Phase 1: B\n- [ ] b\n")
    assert phases(plan) == [("phase-1", "Phase 1: A", ["1.1"]), ("phase-1~2", "Phase 1: B", ["1.2"])]


def test_a_phase_title_has_no_mark_and_no_checkpoint(markdown):
    plan = markdown("## [x] **Phase 1**: A [checkpoint: 70cf326]\n- [ ] a\n## Phase 2: B ##\n- [ ] b\n")
    assert [phase.title for phase in plan.phases] == ["Phase 1: A", "Phase 2: B"]


def test_front_matter_is_no_heading_but_may_name_the_plan(markdown):
    plan = markdown('---\ntitle: "From the top"\nphase: 1\n---\n\n## Phase 1: A\n- [ ] a\n')
    assert plan.title == "From the top"
    assert [(phase.title, phase.line) for phase in plan.phases] == [("Phase 1: A", 6)]


def test_a_rule_below_a_line_is_no_heading_where_headings_are_written_with_hashes(markdown):
    plan = markdown("## Phase 1: A\n**Goal**: x\n---\n- [ ] a\n")
    assert [phase.title for phase in plan.phases] == ["Phase 1: A"]


def test_underlined_headings_are_read_where_they_are_the_style(markdown):
    plan = markdown("The plan\n========\n\nPhase 1: A\n----------\n- [ ] a\n\nPhase 2: B\n---\n- [ ] b\n")
    assert plan.title == "The plan"
    assert [phase.title for phase in plan.phases] == ["Phase 1: A", "Phase 2: B"]


def test_each_task_waits_for_the_one_before_it_in_its_phase_only(markdown):
    plan = markdown(
        "## Phase 1: A\n- [x] a\n- [ ] b\n  - [ ] part\n- [ ] c\n## Phase 2: B\n- [ ] d\n- [ ] e\n"
    )
    assert [(task.key, task.depends_on) for task in plan.tasks()] == [
        ("1.1", []),
        ("1.2", ["1.1"]),
        ("1.3", ["1.2"]),
        ("2.1", []),
        ("2.2", ["2.1"]),
    ]


def test_a_section_about_dependencies_makes_none(markdown):
    plan = markdown(
        "## Phase 1: A\n- [ ] 1.1 a\n## Dependencies\n- 1.1 depends on 2.1\n## Phase 2: B\n- [ ] 2.1 b\n"
    )
    assert [task.depends_on for task in plan.tasks()] == [[], []]


class TestKeys:
    def test_ids_of_the_document_are_the_keys_and_leave_the_title(self, markdown):
        plan = markdown(
            "- [ ] 1.1 One\n- [ ] **1.2** Two\n- [ ] Task 1.3: Three\n- [ ] T014 Four\n- [ ] [SETUP-001] Five\n"
        )
        assert [(task.key, task.title) for task in plan.tasks()] == [
            ("1.1", "One"),
            ("1.2", "Two"),
            ("1.3", "Three"),
            ("T014", "Four"),
            ("SETUP-001", "Five"),
        ]

    def test_a_number_that_is_no_id_stays_in_the_title(self, markdown):
        plan = markdown("- [ ] 2.0 release\n- [ ] Write\n- [ ] Read\n- [ ] S3 bucket\n- [ ] 3 retries\n")
        assert [task.title for task in plan.tasks()] == [
            "2.0 release",
            "Write",
            "Read",
            "S3 bucket",
            "3 retries",
        ]

    def test_made_keys_never_meet_ids_of_the_document(self, markdown):
        plan = markdown(
            "## Phase 1: A\n- [ ] 1.2 a\n- [ ] b\n- [ ] c\n- [ ] 1.3 d\n## Phase 2: B\n- [ ] 1.1 e\n- [ ] 2.1 f\n"
        )
        assert [task.key for task in plan.tasks()] == ["1.2", "1.4", "1.5", "1.3", "1.1", "2.1"]

    def test_made_keys_never_meet_numbers_of_subtasks_or_sections(self, markdown):
        plan = markdown("## Phase 1: A\n- [ ] a\n  - [ ] 1.1 part\n- [ ] b\n### 1.2 Section\n- [ ] c\n")
        assert [task.key for task in plan.tasks()] == ["1.3", "1.4", "1.2.1"]

    def test_a_repeated_id_gets_a_suffix_and_is_told(self, markdown):
        plan = markdown("- [ ] 1.1 a\n- [x] 1.1 a\n- [ ] 1.1~2 odd\n- [ ] 1.2 b\n- [ ] 1.1 again\n")
        keys = [task.key for task in plan.tasks()]
        assert keys[:2] == ["1.1", "1.1~2"]
        assert len(set(keys)) == 5
        assert 2 in [warning.line for warning in plan.warnings]

    def test_one_task_for_two_ids_keeps_both_in_its_title(self, markdown):
        (task,) = markdown("- [ ] 1.1 / 1.2 both\n").tasks()
        assert (task.key, task.title) == ("1.1", "1.1 / 1.2 both")

    def test_keys_and_phases_are_unique_whatever_the_document_says(self, markdown):
        plan = markdown(
            "## Phase 1\n- [ ] T001 a\n- [ ] b\n## Phase 1\n- [ ] T001 a\n- [ ] b\n## phase-1\n- [ ] T001 a\n- [ ] b\n"
        )
        keys = [task.key for task in plan.tasks()]
        assert len(set(keys)) == len(keys) == 6
        assert len({phase.key for phase in plan.phases}) == 3


def test_conductor_plans_are_read_by_the_same_rules():
    text = "## Phase 1: A [checkpoint: 70cf326]\n- [x] Task: One 3f0b5e3\n    - [x] part\n- [~] Task: Two\n"
    plan = read(text, name="plan.md", format=PlanFormat.CONDUCTOR)
    assert plan.format is PlanFormat.CONDUCTOR
    assert phases(plan) == [("phase-1", "Phase 1: A", ["1.1", "1.2"])]
    assert [task.title for task in plan.tasks()] == ["One", "Two"]


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("**Phase 1: Setup**", "Phase 1: Setup"),
        ("__Phase 1: Setup__", "Phase 1: Setup"),
        ("**Phase 1: Setup:**", "Phase 1: Setup"),
        ("**Phase 1**: Setup", "Phase 1: Setup"),
        ("**Phase 1 — Setup**", "Phase 1 — Setup"),
        ("**フェーズ1: 準備**", "フェーズ1: 準備"),
    ],
)
def test_a_phase_may_be_a_line_in_bold(markdown, line, title):
    plan = markdown(
        f"# Plan\n\n## Tasks\n\n{line}\n- [ ] a\n- [ ] b\n\n**Phase 2: Rest**\n\nWords.\n\n- [ ] c\n"
    )
    assert [(phase.key, phase.title, phase.line, len(phase.tasks)) for phase in plan.phases] == [
        ("phase-1", title, 5, 2),
        ("phase-2", "Phase 2: Rest", 9, 1),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "**Phase 1** must be finished first.",
        "**Setup**",
        "Phase 1: Setup",
        "- **Phase 1: Setup**",
        "**Phase 1 checkpoint**",
    ],
)
def test_bold_words_in_other_lines_are_no_phase(markdown, line):
    plan = markdown(f"# Plan\n\n{line}\n\n- [ ] a\n\n**Goal**\n\n- [ ] b\n")
    assert len(plan.phases) == 1


def test_bold_lines_are_no_phases_where_headings_are(markdown):
    plan = markdown(
        "## Phase 1: A\n\n- [ ] a\n\n**Phase 2: as planned once**\n\n- [ ] b\n\n## Phase 3: C\n\n- [ ] c\n"
    )
    assert [(phase.title, len(phase.tasks)) for phase in plan.phases] == [
        ("Phase 1: A", 2),
        ("Phase 3: C", 1),
    ]
