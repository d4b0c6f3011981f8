"""What the sections of a Spec Kit document say about order."""

import pytest

from tests.plans.spec_kit import spec_kit, told, waits

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
        ("- T004 needs T001+T002; T005..T006 last", {"T004": {"T001", "T002"}}),
        ("- T003 depends on T001, T004 depends on T002", {"T003": {"T001"}, "T004": {"T002"}}),
        (
            "- T003 after T001 (its types), T004 after T001, T002",
            {"T003": {"T001"}, "T004": {"T001", "T002"}},
        ),
        ("- T003, T004 depend on T001, T002", {"T003": {"T001", "T002"}, "T004": {"T001", "T002"}}),
        ("- T001→T003, T002→T004", {"T003": {"T001"}, "T004": {"T002"}}),
        (
            "- T001 → T002, T003 → T004",
            {"T002": {"T001"}, "T003": {"T001"}, "T004": {"T002", "T003"}},
        ),
        ("- T001 → T003 in order (it depends on the page), T004 on its own", {"T003": {"T001"}}),
        ("- T001 [P], T002 [P] → T003", {"T003": {"T001", "T002"}}),
        ("- T001 → T003; T002 → T004", {"T003": {"T001"}, "T004": {"T002"}}),
        (
            "- T001 → T002/T003 → T004",
            {"T002": {"T001"}, "T003": {"T001"}, "T004": {"T002", "T003"}},
        ),
        ("- T001 → {T002 ‖ T003}", {"T002": {"T001"}, "T003": {"T001"}}),
        ("- T001 → T003 (it uses the field) → T004", {"T003": {"T001"}, "T004": {"T003"}}),
        ("- T003 (depends on T001), T004 (depends on T002)", {"T003": {"T001"}, "T004": {"T002"}}),
        ("- T003 (types) + T004 (tests) can start after T001 lands", {"T003": {"T001"}, "T004": {"T001"}}),
        ("- After T001: T003, T004 in parallel", {"T003": {"T001"}, "T004": {"T001"}}),
        ("- Once T001 completes, T003 can start", {"T003": {"T001"}}),
        ("- T004 is blocked by T003", {"T004": {"T003"}}),
        ("- T001 is required by T004", {"T004": {"T001"}}),
        ("- T004 depends only on T002", {"T004": {"T002"}}),
        ("- T004 does not depend on T003", {}),
        ("- T004 is independent of T003", {}),
        ("T003 depende de T001; T005 antes de T006", {"T003": {"T001"}, "T006": {"T005"}}),
        ("T003, T004 依赖 T001\uff08类型\uff09, T002", {"T003": {"T001", "T002"}, "T004": {"T001", "T002"}}),
        ("T001 阻塞 T003/T004\uff1bT005 不依赖 T002", {"T003": {"T001"}, "T004": {"T001"}}),
        ("T003は T001と T002の完了後", {"T003": {"T001", "T002"}}),
        ("T001 は T003 の前に", {"T003": {"T001"}}),
        ("T003는 T001에 의존", {"T003": {"T001"}}),
        (
            "```mermaid\ngraph TD\n  T001[Types] --> T003[Use]\n  T003 -->|needs| T004\n```",
            {"T004": {"T003"}},
        ),
        (
            "T001\n├── T002\n│   └── T003 (the page)\n└── T004 -> T005\n    └── T006",
            {"T002": {"T001"}, "T003": {"T002"}, "T004": {"T001"}, "T005": {"T004"}, "T006": {"T005"}},
        ),
        ("Phase 1\n├── T002\n└── T003", {}),
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


def test_prose_that_would_close_a_circle_is_left_out_and_told():
    plan = spec_kit(SECTION + "- T005 depends on T002\n- T005 → T002\n")
    assert waits(plan)["T005"] == {"T002"}
    assert waits(plan)["T002"] == set()
    assert told(plan) == [
        (13, "That T002 waits for T005 is left out: these tasks would wait for each other."),
    ]


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
