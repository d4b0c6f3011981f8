"""What tasks say in their own lines, and headings for the tasks below them, about what they wait for."""

import pytest

from app.plans import read
from tests.plans.spec_kit import spec_kit, waits


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
        ("Join (depends only on T001/T003)", {"T001", "T003"}),
        ("Join (depends on T001/002, 003)", {"T001", "T002", "T003"}),
        ("Join (depends on T1 and T0002)", {"T001", "T002"}),
        ("Join (depends on T001 (types); T003 is its test)", {"T001"}),
        ("Join, unblocked by T003", {"T003"}),
        ("Join (dep: T003)", {"T003"}),
        ("Join (T003 must be done first)", {"T003"}),
        ("Join ← T003", {"T003"}),
        ("Join\uff08T002·T003에 의존\uff09", {"T002", "T003"}),
        ("つなぐ\uff08T003に依存\uff09", {"T003"}),
        ("つなぐ\uff08T003の完了後\uff09", {"T003"}),
        ("连接\uff08依赖 T001、T003\uff09", {"T001", "T003"}),
        ("Unir (depende de T001 y T003)", {"T001", "T003"}),
        ("Join, does not depend on T003", set()),
        ("Join without waiting for T003", set()),
        ("Join in src/T001/T002.py, needs `lib/T003`", set()),
        ("つなぐ\uff08T003に依存しない\uff09", set()),
        ("连接\uff08不依赖 T003\uff09", set()),
        ("Join\n  - Depends on T003", {"T003"}),
        ("Join.\n  (depends on T002, T003)", {"T002", "T003"}),
        ("Join.\n  Notes that go on (blocked by T003)", {"T003"}),
        ("Join\n  - **Prerequisites**: T003", {"T003"}),
        ("つなぐ\n  続き (データの項) (T001, T003 に依存)", {"T001", "T003"}),
        ("つなぐ\uff08旧 T4、T003 に依存\uff09", {"T003"}),
        ("つなぐ\n  T003 は無い (T001 に依存しない)", set()),
        ("Join\n  - Requires: 3 people", set()),
        ("Join\n  - Depends on 3 people", set()),
        ("Join\n  - This is what T003 depends on", set()),
    ],
)
def test_a_task_says_in_its_line_what_it_waits_for(text, needed):
    document = "".join(
        f"- [ ] {id} [P] x\n" for id in ("T001", "T002", "T003", "T003a", "T004", "T005a", "T005b", "T005c")
    )
    assert waits(spec_kit(f"{document}- [ ] T009 [P] {text}\n"))["T009"] == needed


def test_a_heading_may_say_what_its_tasks_wait_for():
    plan = spec_kit(
        """\
        ## Phase 1: Work
        - [ ] T001 [P] a
        - [ ] T002 [P] b
        ### Rename (depends on T001)
        - [ ] T003 [P] c
        - [ ] T004 [P] d
        """
    )
    assert waits(plan) == {"T001": set(), "T002": set(), "T003": {"T001"}, "T004": {"T001"}}


def test_a_list_of_dependencies_in_the_line_stands_for_itself():
    text = "## 1. Work\n- [ ] 1.1 a\n- [ ] 1.2 b | depends_on: []\n- [ ] 1.3 c | depends_on: [1.1, 1.2]\n"
    plan = read(text, name="openspec/changes/x/tasks.md")
    assert waits(plan) == {"1.1": set(), "1.2": set(), "1.3": {"1.1", "1.2"}}


def test_plain_markdown_is_done_in_order_and_behind_what_its_tasks_say():
    plan = read("- [ ] Task 1: a (depends on Task 3)\n- [ ] Task 2: b\n- [ ] Task 3: c\n", name="plan.md")
    assert waits(plan) == {"1": {"3"}, "2": set(), "3": {"2"}}


def test_a_section_that_describes_a_task_may_name_what_it_depends_on():
    plan = read(
        "## Tasks\n- [ ] Task 1.1: a\n- [ ] Task 1.2: b\n- [ ] Task 1.3: c\n- [ ] Task 1.4: d\n\n"
        "### Task 1.1: a\n**Depends on:** the plan\n\n### Task 1.4: d\n**Depends on:** Task 1.1\nwords\n",
        name="plan.md",
    )
    assert waits(plan) == {"1.1": set(), "1.2": {"1.1"}, "1.3": {"1.2"}, "1.4": {"1.3", "1.1"}}
