"""Whatever is given to the readers: a plan or a refusal, in time, and every box exactly once."""

import random
import re
import time
from collections import Counter

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.plans import PlanFormat
from app.plans import read

LINES = (
    "- [ ] one",
    "* [x] two",
    "12. [~] three",
    "- [X]four",
    "- plain",
    "-[ ] glued",
    "- [-] odd",
    "[x] bare",
    "words",
    "**Bold:** words",
    "# Title",
    "## Phase 1: A",
    "### Task 1.1: B",
    "#### [x] C",
    "> quoted",
    "> - [ ] quoted box",
    "---",
    "===",
    "",
    "",
    "| [ ] | cell |",
    "<details>",
    "1.1 number",
    "\t- [ ] tabbed",
    "- [ ] T001 [P] [US1] five (depends on T002)",
    "- [x] T002 six, blocked by 1.1",
    "  - **Dependencies**: T001, 1.1",
    "## Dependencies",
    "T001 → T002, T002 depends on T001",
    "**Phase 2: bold**",
    "- [ ]* 3. optional",
    "US1: depends on US2",
)
BOX_LINE = re.compile(r"\s*(?:>\s*)*(?:[-*+]|\d{1,9}[.)])[ \t]+\[[ xX~]\](?![(\[:])")


CIRCLE = frozenset({"a circle of dependencies, which is all that is told"})


def document(seed):
    chance = random.Random(seed)
    return "\n".join(
        " " * chance.choice((0, 0, 0, 1, 2, 2, 3, 4, 6, 9)) + chance.choice(LINES)
        for _ in range(chance.randrange(1, 60))
    )


def read_or_refused(given, name, format=None):
    """The plan, if it is one, and the lines that something was said about. Other errors fail the test."""
    try:
        plan = read(given, name=name, format=format)
    except AppError as refused:
        if refused.code is not ErrorCode.PLAN_INVALID:
            raise
        if "cycle" in refused.details:
            return None, CIRCLE
        return None, {warning["line"] for warning in refused.details.get("warnings", [])}
    return plan, {warning.line for warning in plan.warnings}


def headings_in(lines):
    following = [*lines[1:], ""]
    return {
        number
        for number, (line, below) in enumerate(zip(lines, following, strict=True), start=1)
        if line.lstrip().startswith(("#", "**Phase"))
        or (line.lstrip().startswith("[") and below.strip() in ("===", "---"))
    }


FORMATS = (PlanFormat.MARKDOWN, PlanFormat.SPEC_KIT, PlanFormat.OPENSPEC, PlanFormat.KIRO)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("seed", range(150))
def test_every_box_of_a_wild_document_is_read_once_or_told(seed, format):
    text = document(seed)
    lines = text.split("\n")
    boxes = [number for number, line in enumerate(lines, start=1) if BOX_LINE.match(line)]
    if format is PlanFormat.KIRO:  # which writes `[-]` for what is under way
        boxes = [
            number for number, line in enumerate(lines, start=1) if BOX_LINE.match(line.replace("[-]", "[~]"))
        ]
    plan, told = read_or_refused(text, "wild.md", format)
    if plan is None:
        assert told is CIRCLE or told.issuperset(boxes)
        return
    headings = headings_in(lines)
    read_as = Counter(task.line for task in plan.tasks() if task.line not in headings)
    read_as.update(part.line for task in plan.tasks() for part in task.subtasks)
    assert set(read_as.values()) <= {1}
    assert [line for line in boxes if line not in read_as and line not in told] == []
    assert [line for line in read_as if line not in boxes] == []
    keys = [task.key for task in plan.tasks()]
    assert len(set(keys)) == len(keys)
    assert len({phase.key for phase in plan.phases}) == len(plan.phases)
    assert all(task.title.strip() for task in plan.tasks())


@pytest.mark.parametrize("name", ["wild.md", "wild.yaml", "wild.json", "wild"])
@pytest.mark.parametrize("seed", range(40))
def test_noise_is_a_plan_or_a_refusal(seed, name):
    chance = random.Random(seed)
    pieces = [
        "- [ ] a",
        "tasks:",
        "\n",
        "  ",
        "{",
        "[",
        "key: ",
        "'",
        '"',
        "&a ",
        "*a",
        "```",
        "<!--",
        "# ",
        "é",
        ": ",
        "\r",
        "|",
        "- ",
        "\t",
    ]
    text = "".join(chance.choice(pieces) for _ in range(chance.randrange(80)))
    for given in (text, chance.randbytes(60), text.encode()):
        plan, _ = read_or_refused(given, name)
        assert plan is None or next(plan.tasks())


@pytest.mark.timeout(100)  # of a busy machine; what is read costs seconds of its processor
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- [ ] " + "**a " * 200_000, id="unclosed bold"),
        pytest.param("- [ ] " + "` " * 200_000, id="backticks"),
        pytest.param("- [ ] a " + "abcdef0" * 100_000, id="hashes"),
        pytest.param("- [ ] a" + " " * 500_000 + "b", id="blanks"),
        pytest.param("- [ ] a\n" + (" " * 10_000 + "\n") * 100, id="blank lines"),
        pytest.param("- [ ] a\n" + "<!-- x\n-->\n" * 30_000, id="comments"),
        pytest.param("- [ ] a\n" + "```\n" * 50_001, id="fences"),
        pytest.param("- [ ] a\n" + "b\n" * 50_000, id="lazy lines"),
        pytest.param("- [ ] a\n" + "> " * 39 + "a\n" * 1_000, id="quotes"),
        pytest.param("# a " * 200_000 + "- [ ] a - [ ] b", id="folded headings"),
        pytest.param("- [ ] a\n" + "|" * 500_000, id="cells"),
        pytest.param("- [ ] " + "1." * 200_000 + " a", id="numbers"),
        pytest.param("## Phase 1: x\n- [ ] 1.1 a\n" * 20_000, id="one id for all"),
        pytest.param("### Task 1: a\n\nwords\n" * 10_000, id="one heading for all"),
        pytest.param("- [ ] T001 a\n- [ ] T002 b " + "(depends on" + " " * 1_900 + "T001)", id="words far apart"),
        pytest.param("- [ ] T001 a\n## Dependencies\n" + f"T001{' ' * 79}T001{' ' * 79}\n" * 2_000, id="ids far apart"),
        pytest.param("- [ ] T001 a\n- [ ] T002 b\n## Dependencies\n" + ("T001→T002, " * 180 + "\n") * 500, id="chains"),
        pytest.param("- [ ] T001 a\n## Dependencies\n" + ("T001(" * 400 + "\n") * 200, id="asides"),
        pytest.param("- [ ] T001 a\n## Dependencies\n" + "".join("  " * (n % 40) + "└── T001\n" for n in range(20_000)), id="trees"),
        pytest.param("- [ ] a\n" + "".join("  " * (1 + n % 30) + "- [ ] b\n" for n in range(20_000)), id="deep lists"),
        pytest.param("### Task 1.1: a\n\nb" + " " * 200_000 + "b\n- [ ] c\n", id="a label of blanks"),
        pytest.param("### Task 1.1: a\n\nb" + "> " * 200_000 + "b\n- [ ] c\n", id="a label of quotes"),
    ],
)  # fmt: skip
def test_hostile_documents_are_read_in_time(text):
    before = time.process_time()
    assert sum(1 for _ in read(text, name="hostile.md").tasks()) >= 1
    assert time.process_time() - before < 15
