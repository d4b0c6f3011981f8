"""What tasks wait for, where nothing is said but their order, and how much work it is to find out."""

import sys

import pytest

from app.domain.plans import PlanFormat
from app.plans import read

SPEC_KIT, OPENSPEC, MARKDOWN, KIRO = (
    PlanFormat.SPEC_KIT,
    PlanFormat.OPENSPEC,
    PlanFormat.MARKDOWN,
    PlanFormat.KIRO,
)


def waits(marks, format=MARKDOWN):
    """Tasks `T001` … of these marks: `x` done, blank not, a `P` behind for parallel ones."""
    lines = [
        f"- [{mark[0]}] T{number:03} {'[P] ' if mark.endswith('P') else ''}work"
        for number, mark in enumerate(marks, start=1)
    ]
    return {
        task.key[-1:]: "".join(sorted(on[-1:] for on in task.depends_on))
        for task in read("\n".join(lines), name="tasks.md", format=format).tasks()
    }


def test_a_task_waits_for_the_one_before():
    assert waits([" ", " ", " "]) == {"1": "", "2": "1", "3": "2"}


def test_a_task_behind_one_that_is_done_waits_for_the_last_unfinished_one_too():
    assert waits([" ", "x", " "]) == {"1": "", "2": "1", "3": "12"}
    assert waits([" ", " ", "x", "x", " "]) == {"1": "", "2": "1", "3": "2", "4": "3", "5": "24"}
    assert waits(["x", "x", " "]) == {"1": "", "2": "1", "3": "2"}
    assert waits(["~", "x", " "])["3"] == "12"


def test_a_parallel_group_waits_for_what_is_unfinished_before_it():
    assert waits([" ", "x", " P", " P"], SPEC_KIT) == {"1": "", "2": "1", "3": "12", "4": "12"}
    assert waits([" P", " P", "x", " P", " "], SPEC_KIT) == {
        "1": "",
        "2": "",
        "3": "12",
        "4": "3",
        "5": "124",
    }
    assert waits([" P", "x", "x", " "], SPEC_KIT) == {"1": "", "2": "1", "3": "2", "4": "13"}


@pytest.mark.parametrize("seed", range(60))
def test_no_unfinished_unmarked_task_is_overtaken(seed):
    marks = [(" ", "x", " P", "xP")[(seed * 7919 + 31 * place * place + place) % 4] for place in range(9)]
    found = waits(marks, SPEC_KIT)

    def before(key, seen):
        for on in found[key]:
            if on not in seen:
                seen.add(on)
                # what is done holds nothing back
                if marks[int(on) - 1][0] != "x":
                    before(on, seen)
        return seen

    for place, mark in enumerate(marks):
        if mark == " ":
            unfinished = {str(number + 1) for number in range(place) if marks[number][0] != "x"}
            assert unfinished <= before(str(place + 1), set())


def calls(text, format):
    """How many functions are called to read a document: work, but not the time of a busy machine."""
    count = 0

    def tick(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(tick)
    try:
        plan = read(text, name="tasks.md", format=format)
    finally:
        sys.setprofile(None)
    edges = sum(len(task.depends_on) for task in plan.tasks())
    return count, edges


def numbered(line, count):
    return "".join(
        line.format(n=number, m=number - 1, later=count - number) for number in range(1, count + 1)
    )


DOCUMENTS = {
    "a chain": (MARKDOWN, lambda n: "- [ ] a\n" * n),
    "done and not in turn": (MARKDOWN, lambda n: "- [ ] a\n- [x] b\n" * n),
    "one task before many that are done": (MARKDOWN, lambda n: "- [ ] a\n" + "- [x] b\n" * n),
    "a group, then tasks that are done": (
        SPEC_KIT,
        lambda n: "- [ ] T001 [P] a\n" * n + "- [x] T002 b\n" * n + "- [ ] T003 [P] c\n" * n,
    ),
    "groups in turn": (SPEC_KIT, lambda n: "- [ ] T001 [P] a\n- [ ] T002 b\n" * n),
    "one id for all": (OPENSPEC, lambda n: "## 1. a\n- [ ] 1.1 a (depends on 1.1)\n" * n),
    "each named by the next": (SPEC_KIT, lambda n: numbered("- [ ] T{n:05} a (depends on T{m:05})\n", n)),
    "each naming a later one": (SPEC_KIT, lambda n: numbered("- [ ] T{n:05} a, blocks T{later:05}\n", n)),
    "arrows both ways": (
        SPEC_KIT,
        lambda n: (
            numbered("- [ ] T{n:05} [P] a\n", n)
            + "## Dependencies\n"
            + numbered("T{n:05} → T{m:05} → T{later:05}\n", n)
        ),
    ),
    "lines that make too much": (
        SPEC_KIT,
        lambda n: (
            numbered("- [ ] T{n:05} [P] a\n", n)
            + f"## Dependencies\nT00001-T{n:05} depend on T00001-T{n:05}\n" * 9
        ),
    ),
    "fields that name a task each": (
        OPENSPEC,
        lambda n: numbered("- [ ] 1.{n} a\n  - **Dependencies**: 1.{m}\n", n),
    ),
    "stories that need each other": (
        SPEC_KIT,
        lambda n: (
            numbered("## User Story {n}\n- [ ] T{n:05} a\n", n)
            + "## Dependencies\n"
            + numbered("US{n}: depends on US{later}\n", n)
        ),
    ),
    "optional ones": (KIRO, lambda n: "- [ ]* 1. a\n  - [ ]* 1.1 b\n" * n),
    "bold lines": (MARKDOWN, lambda n: numbered("**Phase {n}: a**\n- [ ] a\n", n)),
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_four_times_the_document_is_little_more_than_four_times_the_work(document):
    format, made = DOCUMENTS[document]
    calls(made(150), format)
    small, small_edges = calls(made(150), format)
    large, large_edges = calls(made(600), format)
    assert large < 5 * small
    assert large_edges <= 5 * small_edges + 10
