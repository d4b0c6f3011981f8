"""spec-kit: phases in order, tasks in order but for `[P]`, and what the document says beyond that."""

import textwrap

import pytest

from app.domain.plans import PlanFormat, PlanStatus
from app.plans import read

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


def spec_kit(text, name="tasks.md"):
    return read(textwrap.dedent(text), name=name, format=PlanFormat.SPEC_KIT)


def waits(plan):
    return {task.key: set(task.depends_on) for task in plan.tasks()}


def told(plan):
    return [(warning.line, warning.message) for warning in plan.warnings]


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


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("Join (depends on T002)", {"T002"}),
        ("Join (depends on T002, T004)", {"T002", "T004"}),
        ("Join (depends on T002 and T004)", {"T002", "T004"}),
        ("Join (depends on T002-T004)", {"T002", "T003", "T003a", "T004"}),
        ("Join (depends on T002\u2013T003)", {"T002", "T003"}),
        ("Join (Depends on: T002 through T003)", {"T002", "T003"}),
        ("Join (depends on T002-003)", {"T002", "T003"}),
        ("Join (depends on the models of T002)", {"T002"}),
        ("Join after T003a", {"T003a"}),
        ("Join after T005a-c are merged", {"T005a", "T005b", "T005c"}),
        ("Join, blocked by T003", {"T003"}),
        ("Join, requires T003", {"T003"}),
        ("Join `T002` with T003", set()),
        ("Join (see T003)", set()),
        ("Join (depends on T077)", set()),
        ("Join as RFC 2119 requires 3 parties", set()),
    ],
)
def test_a_task_says_in_its_line_what_it_waits_for(text, needed):
    document = "".join(
        f"- [ ] {id} [P] x\n" for id in ("T001", "T002", "T003", "T003a", "T004", "T005a", "T005b", "T005c")
    )
    assert waits(spec_kit(f"{document}- [ ] T009 [P] {text}\n"))["T009"] == needed


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


SECTION = """\
## Phase 1: Work

- [ ] T001 [P] a
- [ ] T002 [P] b
- [ ] T003 [P] c
- [ ] T004 [P] d
- [ ] T005 [P] e
- [ ] T006 [P] f

## Dependencies

"""


@pytest.mark.parametrize(
    ("statement", "needed"),
    [
        ("- T005 depends on T002", {"T005": {"T002"}}),
        ("- **T005** depends on T002 (uses its types)", {"T005": {"T002"}}),
        ("T006 waits for T002, T003", {"T006": {"T002", "T003"}}),
        ("* T004-T005 depend on T001-T002", {"T004": {"T001", "T002"}, "T005": {"T001", "T002"}}),
        ("- T001 blocks T004, T005", {"T004": {"T001"}, "T005": {"T001"}}),
        ("- Tests (T001-T002) before implementation (T005)", {"T005": {"T001", "T002"}}),
        ("- T003 must be written before T004", {"T004": {"T003"}}),
        ("- T004, T005 can run in parallel after T003", {"T004": {"T003"}, "T005": {"T003"}}),
        ("T001 → T003 → T005", {"T003": {"T001"}, "T005": {"T003"}}),
        ("T001 -> T003", {"T003": {"T001"}}),
        ("T003 ← T001", {"T003": {"T001"}}),
        ("```\nT001 ──► T002\n  ↓\nT004\n```", {"T002": {"T001"}, "T004": set()}),
        ("```\nT001, T002\n  ↓\nT004\n```", {"T004": {"T001", "T002"}}),
        ("- T004-T006 は sequential", {"T005": {"T004"}, "T006": {"T005"}}),
        ("- T005 は T002 に依存", {"T005": {"T002"}}),
        ("- T005 依赖 T002", {"T005": {"T002"}}),
        (
            "T004-T005 wait for T001-T004",
            {"T004": {"T001", "T002", "T003"}, "T005": {"T001", "T002", "T003"}},
        ),
        (
            "T003-T099 depend on T001",
            {"T003": {"T001"}, "T004": {"T001"}, "T005": {"T001"}, "T006": {"T001"}},
        ),
        (
            "| Task | Depends on |\n|---|---|\n| T004 | T001, T002 |\n| T005 | None |\n| T006 | T003 |",
            {"T004": {"T001", "T002"}, "T006": {"T003"}},
        ),
        ("| Task | Title |\n|---|---|\n| T004 | T001, T002 |", {}),
        ("- T001, T002, T003 can run in parallel", {}),
        ("- T001 is done; T005 needs a person", {}),
        ("- See T001. T005 comes after lunch", {}),
        ("- T005: no dependencies", {}),
    ],
)
def test_a_section_about_dependencies_is_read(statement, needed):
    found = waits(spec_kit(SECTION + statement + "\n"))
    for key in found:
        assert needed.get(key, set()) <= found[key]
        if not statement.startswith("```"):
            assert found[key] == needed.get(key, set())


def test_sentences_outside_such_a_section_say_nothing():
    plan = spec_kit(SECTION.replace("Dependencies", "Notes") + "- T005 depends on T002\n")
    assert not any(waits(plan).values())


def test_a_line_below_a_group_is_for_all_of_the_group():
    plan = spec_kit(
        """\
        ## Phase 1: Parts

        ### Frame

        - [ ] [FRAME-001] Cut
        - [ ] [FRAME-002] Weld

        **Dependencies**: None

        ### Wheels

        - [ ] [WHEEL-001] [P] Rims
        - [ ] [WHEEL-002] [P] Tyres

        **Dependencies**: FRAME-001 through FRAME-002
        """
    )
    assert waits(plan) == {
        "FRAME-001": set(),
        "FRAME-002": {"FRAME-001"},
        "WHEEL-001": {"FRAME-001", "FRAME-002"},
        "WHEEL-002": {"FRAME-001", "FRAME-002"},
    }


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


def test_prose_that_would_close_a_circle_is_left_out_and_told():
    plan = spec_kit(SECTION + "- T005 depends on T002\n- T005 → T002\n")
    assert waits(plan)["T005"] == {"T002"}
    assert waits(plan)["T002"] == set()
    assert told(plan) == [
        (13, "That T002 waits for T005 is left out: these tasks would wait for each other."),
    ]


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


STORIES = """\
## Phase 1: Setup
- [ ] T001 a
## Phase 2: User Story 1 - One (P1)
- [ ] T002 [US1] b
## Phase 3: User Story 2 - Two (P2)
- [ ] T003 [US2] c
- [ ] T004 [US2] d
## Phase 4: User Story 3 - Three (P3)
- [ ] T005 [US3] e
## Phase 5: Polish
- [ ] T006 f

## Dependencies
"""


@pytest.mark.parametrize(
    ("statement", "order"),
    [
        ("- **User Story 1 (Phase 2)**: Depends on US3 - needs its page", [1, 3, 4, 2, 5]),
        ("- US1 depends on US2, US3", [1, 3, 4, 2, 5]),
        ("- **US2**: requires User Story 3", [1, 2, 4, 3, 5]),
        ("- **US2**: Can start after Foundational - May integrate with US3", [1, 2, 3, 4, 5]),
        ("- **US1**: No dependencies on other stories such as US3", [1, 2, 3, 4, 5]),
        ("- **US1 (Phase 2)**: Depends on Polish (Phase 5)", [1, 2, 3, 4, 5]),
        ("- US3 depends on US1", [1, 2, 3, 4, 5]),
        ("- **All stories**: Depend on Phase 1", [1, 2, 3, 4, 5]),
    ],
)
def test_a_story_that_needs_a_later_one_comes_after_it(statement, order):
    plan = spec_kit(STORIES + statement + "\n")
    assert [int(phase.key.removeprefix("phase-")) for phase in plan.phases] == order
    moved = [message for _, message in told(plan) if "comes before phases that stand above it" in message]
    assert bool(moved) is (order != [1, 2, 3, 4, 5])


def test_a_story_may_wait_for_a_task_of_another():
    plan = spec_kit(
        STORIES + "- **User Story 3 (Phase 4)**: Depends on part of US2 - Can start after US2 T003\n"
    )
    assert waits(plan)["T005"] == {"T003"}


def test_stories_that_need_each_other_stay_where_they_are():
    plan = spec_kit(STORIES + "- US1 depends on US2\n- US2 depends on US3\n- US3 depends on US1\n")
    assert sorted(phase.key for phase in plan.phases) == [f"phase-{number}" for number in range(1, 6)]
    assert plan.phases[0].key == "phase-1"
    assert plan.phases[-1].key == "phase-5"
    assert any("wait for each other" in message for _, message in told(plan))


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
