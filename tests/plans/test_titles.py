import pytest

from app.domain import limits
from app.plans.titles import clean, cut


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Task: Write it", "Write it"),
        ("**Task:** Write it", "Write it"),
        ("**Task: Write it** [78ad417]", "Write it"),
        ("__Task: Write it__", "Write it"),
        ("Subtask: Write it", "Write it"),
        ("Sub-task: Write it", "Write it"),
        ("Задача: написать", "написать"),
        ("タスク: 書く", "書く"),
        ("Task: Write `a**b**c` and **this**", "Write `a**b**c` and this"),
        ("**Write `code` boldly**: now", "Write `code` boldly: now"),
        ("Write it [3f0b5e3]", "Write it"),
        ("Write it (3f0b5e3)", "Write it"),
        ("Write it [`3f0b5e3`](https://example.org/3f0b5e3)", "Write it"),
        ("Write it [commit: 3f0b5e3] [checkpoint: 70cf326]", "Write it"),
        ("Write it [3f0b5e3, 70cf326]", "Write it"),
        ("Write it <!-- 3f0b5e3 -->", "Write it"),
        ("Write it [3f0b5e31234567890abcdef01234567890abcdef]", "Write it"),
        ("Write\tit\x0bnow", "Write it now"),
    ],
)
def test_a_title_is_cleaned(text, title):
    assert clean(text) == title


@pytest.mark.parametrize(
    "text",
    [
        "Task runner for builds",
        "Match **/*.py and **/*.ts",
        "Take **kwargs and **options",
        "Compute 2**8 and 3**9",
        "Call __init__ first",
        "Repair the page (defaced)",
        "Report of (20260131)",
        "See [the notes](notes.md)",
        "Cherry-pick [3f0b5e3] into main",
        "Keep `[3f0b5e3]` in code here",
    ],
)
def test_what_carries_meaning_stays(text):
    assert clean(text, done=True) == text


def test_a_hash_may_stand_before_the_title_of_what_is_done():
    assert clean("3f0b5e3 Task: Write it", done=True) == "Write it"
    assert clean("[3f0b5e3] Write it", done=True) == "Write it"
    assert clean("1234567 Task: Write it", done=True) == "Write it"
    assert clean("20260131 was a Saturday", done=True) == "20260131 was a Saturday"
    assert clean("defaced pages", done=True) == "defaced pages"
    assert clean("3f0b5e3 is the commit to take", done=False) == "3f0b5e3 is the commit to take"


def test_a_bare_hash_goes_only_from_what_is_done():
    assert clean("Write it 3f0b5e3", done=True) == "Write it"
    assert clean("Write it 1234567", done=True) == "Write it"
    assert clean("Write it 3f0b5e3", done=False) == "Write it 3f0b5e3"
    assert clean("Move to commit 3f0b5e3", done=True) == "Move to commit 3f0b5e3"


@pytest.mark.parametrize("text", ["Task:", "[3f0b5e3]", "<!-- x -->"])
def test_a_title_is_never_cleaned_away(text):
    assert clean(text) == text


def test_a_long_title_is_cut_and_kept_whole_as_description(markdown):
    text = "word " * 200
    (task,) = markdown(f"- [ ] {text}\n  - detail\n").tasks()
    assert len(task.title) <= limits.TITLE
    assert task.title.endswith("…")
    assert task.description == f"{text.strip()}\n\n- detail"


def test_a_long_subtask_is_cut_and_kept_whole_in_the_description(markdown):
    text = ("word " * 200).strip()
    (task,) = markdown(f"- [ ] one\n  - [ ] {text}\n").tasks()
    assert task.subtasks[0].title == cut(text)
    assert task.description == f"- {text}"


def test_an_endless_description_is_cut_and_told(markdown):
    plan = markdown("- [ ] one\n" + f"  {'x' * 99}\n" * 700)
    (task,) = plan.tasks()
    assert len(task.description) == limits.TEXT
    assert [warning.line for warning in plan.warnings] == [1]
