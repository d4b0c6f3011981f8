"""spec-kit: phases in order, tasks in order but for `[P]`, and what the document says beyond that."""

import pytest

from app.domain.plans import PlanFormat, PlanStatus
from app.plans import read
from tests.plans.spec_kit import spec_kit, told, waits

TEMPLATE = """\
---
description: "Tasks of the weather station"
---

# Tasks: Weather station

**Input**: Design documents from `/specs/007-weather/`
**Prerequisites**: plan.md, spec.md

## Format: `[ID] [P?] [Story] Description`

- **[P]**: Can run in parallel
- **[Story]**: Which user story this task belongs to

## Phase 1: Setup (Shared Infrastructure)

- [x] T001 Create the folders
- [x] T002 Add the sensor library
- [ ] T003 [P] Configure the linter
- [ ] T004 [P] Configure the formatter

## Phase 2: Foundational (Blocking Prerequisites)

**⚠️ CRITICAL**: No user story work can begin until this phase is complete

- [ ] T005 Open the database
- [ ] T006 [P] Read the settings in src/settings.py
- [ ] T007 [P] Write the log in src/log.py
- [ ] T008 Load the station list

**Checkpoint**: Foundation ready

## Phase 3: User Story 1 - See the wind (Priority: P1) 🎯 MVP

### Tests for User Story 1 ⚠️

- [ ] T009 [P] [US1] Contract test in tests/test_wind.py
- [ ] T010 [P] [US1] Journey test in tests/test_journey.py

### Implementation for User Story 1

- [ ] T011 [P] [US1] Gust model in src/gust.py
- [ ] T012 [P] [US1] Wind model in src/wind.py
- [ ] T013 [US1] Wind service in src/service.py (depends on T011, T012)
- [ ] T014 [US1] Wind page

## Phase 4: Polish & Cross-Cutting Concerns

- [ ] T015 [P] Write the manual
- [ ] T016 Run quickstart.md

## Dependencies & Execution Order

### Phase Dependencies

- **Setup (Phase 1)**: No dependencies - can start immediately
- **Foundational (Phase 2)**: Depends on Setup completion - BLOCKS all user stories
- **User Story 1 (P1)**: Can start after Foundational (Phase 2) - No dependencies on other stories
- **Polish (Phase 4)**: Depends on all user stories being complete

## Parallel Example: User Story 1

```bash
Task: "Contract test in tests/test_wind.py"
```
"""


def test_the_template_is_known_by_its_text_and_read_in_its_phases():
    plan = read(TEMPLATE, name="tasks.md")
    assert plan.format is PlanFormat.SPEC_KIT
    assert plan.title == "Tasks: Weather station"
    assert [(phase.title, len(phase.tasks)) for phase in plan.phases] == [
        ("Phase 1: Setup (Shared Infrastructure)", 4),
        ("Phase 2: Foundational (Blocking Prerequisites)", 4),
        ("Phase 3: User Story 1 - See the wind (Priority: P1) 🎯 MVP", 6),
        ("Phase 4: Polish & Cross-Cutting Concerns", 2),
    ]
    assert [task.key for task in plan.tasks()] == [f"T{number:03}" for number in range(1, 17)]
    assert plan.warnings == []


def test_marked_tasks_run_side_by_side_between_unmarked_ones():
    found = waits(read(TEMPLATE, name="tasks.md"))
    assert found["T005"] == set()
    assert found["T006"] == found["T007"] == {"T005"}
    assert found["T008"] == {"T006", "T007"}
    assert found["T009"] == found["T010"] == found["T011"] == found["T012"] == set()
    assert found["T013"] == {"T009", "T010", "T011", "T012"}
    assert found["T014"] == {"T013"}
    assert found["T015"] == found["T009"] == set()
    assert found["T016"] == {"T015"}


@pytest.mark.parametrize(
    ("line", "is_parallel"),
    [
        ("- [ ] T002 [P] b", True),
        ("- [ ] T002 [US1] [P] b", True),
        ("- [ ] T002 [P]: b", True),
        ("- [ ] T002A[P][US2] b", True),
        ("- [ ] **T002** [P] b", True),
        ("- [ ] **T002 [P]** b", True),
        ("- [ ] [P] T002 b", True),
        ("- [ ] [SETUP-002] [P] b", True),
        ("- [ ] T002 b, as in [P] of the paper", False),
        ("- [ ] T002 [P1] b", False),
        ("- [ ] T002 P b", False),
    ],
)
def test_the_mark_stands_among_the_labels(line, is_parallel):
    plan = spec_kit(f"- [ ] T001 [P] a\n{line}\n- [ ] T003 [P] c\n")
    second, third = list(plan.tasks())[1:]
    assert (second.depends_on == []) is is_parallel
    assert (third.depends_on == []) is is_parallel


def test_an_id_that_is_not_there_is_told():
    plan = spec_kit("- [ ] T001 a\n- [ ] T002 b (depends on T099)\n")
    assert told(plan) == [(2, "T099 is no task of this plan, so nothing waits for it.")]


def test_a_task_that_waits_for_a_later_one_of_its_phase_comes_after_it():
    plan = spec_kit(
        """\
        - [ ] T001 a
        - [ ] T002 b (depends on T004)
        - [ ] T003 c
        - [ ] T004 d
        - [ ] T005 e
        """
    )
    assert waits(plan) == {
        "T001": set(),
        "T002": {"T004"},
        "T003": {"T001"},
        "T004": {"T003"},
        "T005": {"T002"},
    }
    assert plan.warnings == []


def test_a_circle_of_plain_statements_is_refused_with_its_lines(refusal):
    refused = refusal(
        "# Tasks\n\n- [ ] T001 a (depends on T003)\n- [ ] T002 b (depends on T001)\n- [ ] T003 c (depends on T002)\n"
    )
    assert refused.details["cycle"] in (
        ["T001", "T003", "T002", "T001"],
        ["T002", "T001", "T003", "T002"],
        ["T003", "T002", "T001", "T003"],
    )
    for part in ("T001 (line 3)", "T002 (line 4)", "T003 (line 5)", "wait for each other"):
        assert part in refused.message


def test_a_dependency_on_a_later_phase_is_left_out_and_told():
    plan = spec_kit(
        """\
        ## Phase 1: Setup
        - [ ] T001 a (depends on T002)
        ## Phase 2: Foundational
        - [ ] T002 b
        """
    )
    assert waits(plan) == {"T001": set(), "T002": set()}
    ((line, message),) = told(plan)
    assert line == 2
    assert "later phase" in message


def test_a_document_that_lost_its_blanks_says_how_much_is_missing():
    lost = "".join(f"-[X]T{number:03}[P]Dothething\n" for number in range(1, 41))
    plan = spec_kit(
        f"#Tasks\n\n##Phase1:Setup\n\n{lost}\n## Phase 2: Rest\n\n- [x] T041 Finish\n- [✅] T042 Odd\n- [] T043 Empty\n"
    )
    assert [task.key for task in plan.tasks()] == ["T041"]
    assert told(plan)[0][0] == 1
    assert "42 lines look like tasks" in told(plan)[0][1]
    assert {line for line, _ in told(plan)} >= {3, *range(5, 45), 49, 50}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_and_a_byte_order_mark_will_do(end):
    plan = read(b"\xef\xbb\xbf" + TEMPLATE.replace("\n", end).encode(), name="specs/007-weather/tasks.md")
    assert waits(plan) == waits(read(TEMPLATE, name="tasks.md"))
    assert [task.line for task in plan.tasks()][:2] == [17, 18]


def test_repeated_ids_keep_their_tasks_apart():
    plan = spec_kit("- [x] T001 a\n- [ ] T001 b\n- [ ] T002 c (depends on T001)\n")
    assert [(task.key, task.status) for task in plan.tasks()] == [
        ("T001", PlanStatus.DONE),
        ("T001~2", PlanStatus.PENDING),
        ("T002", PlanStatus.PENDING),
    ]
    assert told(plan)[0][0] == 2
    assert waits(plan)["T002"] == {"T001", "T001~2"}


def test_a_line_that_makes_too_many_dependencies_is_not_read():
    tasks = "".join(f"- [ ] T{number:04} [P] x\n" for number in range(1, 401))
    plan = spec_kit(f"## Phase 1: Work\n\n{tasks}\n## Dependencies\n\nT0001-T0200 depend on T0201-T0400\n")
    assert not any(waits(plan).values())
    assert "40,000 dependencies" in told(plan)[0][1]
