"""What is told of a run, and the picture of it, from its events alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.cli.run_board import INTERRUPTED, Board, Fact
from app.cli.run_display import picture, told

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ITEM = {
    "id": "att_1",
    "kind": "QUESTION",
    "status": "OPEN",
    "title": "Go?",
    "detail": None,
    "options": [{"value": "yes"}, {"value": "no"}],
    "defaultAnswer": "no",
    "expiresAt": None,
    "task": {"key": "T1"},
}


class Story:
    """A board and the events that happen to it, a second after each other."""

    def __init__(self, **phases: str) -> None:
        self.board = Board("A run", phases or {"main": "Tasks"}, suffix=" --url URL")
        self.now = NOON
        self.total = 4
        self.completed = 0

    def happens(self, kind: str, **fields: Any) -> list[Fact]:
        self.now += timedelta(seconds=1)
        progress = {"total": self.total, "completed": self.completed, "failed": 0, "running": 0, "pending": 0}
        event = {"type": kind, "at": self.now.isoformat(), "run": {"progress": progress}, **fields}
        return self.board.tell(event)

    def run(self, status: str, reason: str | None = None) -> list[Fact]:
        return self.happens("RunStatusChanged", oldRunStatus=None, newRunStatus=status, reason=reason)

    def task(
        self,
        status: str,
        key: str = "T1",
        *,
        attempts: int = 1,
        reason: str | None = None,
        retry: bool = False,
    ) -> list[Fact]:
        task = {
            "id": f"task_{key}",
            "key": key,
            "title": f"Do {key}",
            "attempts": attempts,
            "maxAttempts": 3,
            "retryAt": (self.now + timedelta(seconds=5)).isoformat() if retry else None,
        }
        return self.happens(
            "TaskStatusChanged", oldTaskStatus=None, newTaskStatus=status, reason=reason, task=task
        )

    def opens(self, **fields: Any) -> list[Fact]:
        return self.happens("AttentionOpened", item={**ITEM, **fields})

    def closes(self, status: str, answer: Any = None, by: str | None = None) -> list[Fact]:
        item = {"id": "att_1", "title": "Go?", "status": status, "answer": answer, "answeredBy": by}
        return self.happens("AttentionClosed", item=item)

    def shown(self, width: int = 80) -> list[str]:
        return [line for line, _ in picture(self.board, self.now, width)]


def words(facts: list[Fact]) -> list[str]:
    return [line for fact in facts for line, _ in told(fact, ())]


def test_a_task_is_told_when_it_starts_in_passing_and_when_it_is_done_with_its_time() -> None:
    story = Story()

    (started,) = story.task("RUNNING")
    (done,) = story.task("COMPLETED")

    assert (started.words, started.passing) == ("▶ T1  Do T1", True)
    assert (done.words, done.passing) == ("✓ T1  Do T1  1.0 s", False)


def test_a_task_that_is_tried_again_is_told_with_its_reason_and_rests() -> None:
    story = Story()
    story.task("RUNNING")

    (fact,) = story.task("READY", reason="Exit code 3. Again in 5 s.", retry=True)

    assert fact.failed == "task_T1"
    assert words([fact]) == ["↻ T1  Do T1  1.0 s", "    Exit code 3. Again in 5 s."]
    assert "1 to be tried again" in story.shown()[-1]
    assert words(story.task("RUNNING", attempts=2)) == ["▶ T1  Do T1  attempt 2 of 3"]
    assert "tried again" not in story.shown()[-1]


def test_a_failure_is_told_with_its_last_words() -> None:
    (fact,) = Story().task("FAILED", reason="Exit code 1.")

    assert [line for line, _ in told(fact, ["oh\x1b[0m no"])] == [
        "✗ T1  Do T1",
        "    Exit code 1.",
        "    | oh[0m no",
    ]


@pytest.mark.parametrize("status", ["PENDING", "READY", "CANCELLED"])
def test_what_only_waits_or_is_swept_away_is_not_told(status: str) -> None:
    assert Story().task(status) == []


@pytest.mark.parametrize("status", ["SKIPPED", "BLOCKED"])
def test_what_people_did_to_a_task_is_told(status: str) -> None:
    (fact,) = Story().task(status, reason="Later.")

    assert status.lower() in fact.words
    assert fact.details == ("Later.",)


def test_a_task_that_waits_for_an_answer_is_still_at_work() -> None:
    story = Story()
    story.task("RUNNING")

    assert story.task("WAITING_FOR_INPUT") == []
    assert story.task("RUNNING") == []
    assert "▶ T1  Do T1  2.0 s" in story.shown()


def test_a_question_is_told_with_how_to_answer_it() -> None:
    (fact,) = Story().opens(detail="It is late.")

    assert words([fact]) == [
        "? Go? (T1)",
        "    It is late.",
        "    yes | no",
        "    Answer it: trackside answer att_1 yes --url URL",
    ]


def test_what_a_task_failed_with_is_not_told_again_by_the_item_that_asks_about_it() -> None:
    (about_a_task,) = Story().opens(kind="FAILURE", detail="It said:\noh no")
    (about_an_agent,) = Story().opens(kind="FAILURE", detail="It said:\noh no", task=None)

    assert words([about_a_task])[1:2] == ["    yes | no"]
    assert words([about_an_agent])[1:4] == ["    It said:", "    oh no", "    yes | no"]


def test_a_deadline_is_told_with_what_it_answers_and_counted_down() -> None:
    story = Story()

    (fact,) = story.opens(expiresAt=(NOON + timedelta(seconds=31)).isoformat(), options=[])

    assert "    unless it is answered in 30 s: no" in words([fact])
    assert "    Answer it: trackside answer att_1 ANSWER --url URL" in words([fact])
    assert "? Go?  30 s left" in story.shown()


@pytest.mark.parametrize(
    ("status", "answer", "by", "expected"),
    [
        ("ANSWERED", "yes", "admin", "! Go?  yes, says admin"),
        ("ANSWERED", {"port": 1}, "admin", '! Go?  {"port": 1}, says admin'),
        ("EXPIRED", "no", None, "! Go?  its deadline has passed: no"),
        ("EXPIRED", None, None, "! Go?  its deadline has passed: no answer"),
        ("DISMISSED", None, None, "! Go?  nobody answers it any more"),
    ],
)
def test_the_end_of_a_question_is_told(status: str, answer: Any, by: str | None, expected: str) -> None:
    story = Story()
    story.opens()

    assert words(story.closes(status, answer, by)) == [expected]
    assert not any(line.startswith("?") for line in story.shown())


def test_phases_are_told_where_there_are_several() -> None:
    story = Story(a="First", b="Second")

    assert words(story.happens("PhaseChanged", newPhase="b")) == ["Phase Second"]
    named = Story(a="Phase 1: First", b="Phase 2: Second")
    assert words(named.happens("PhaseChanged", newPhase="b")) == ["Phase 2: Second"]
    assert "phase 2 of 2" in story.shown()[-1]
    assert Story(only="Only").happens("PhaseChanged", newPhase="only") == []


def test_a_pause_is_told_and_so_is_its_end_but_not_what_we_did_ourselves() -> None:
    story = Story()
    story.run("ACTIVE")

    assert words(story.run("PAUSING", "Lunch.")) == ["The run is pausing: Lunch."]
    assert words(story.run("PAUSED")) == ["The run is paused."]
    assert "PAUSED" in story.shown()[-1]
    assert words(story.run("ACTIVE")) == ["The run goes on."]
    assert story.run("STOPPING", INTERRUPTED) == []


def test_the_picture_counts_what_is_done_and_shows_some_of_what_is_at_work() -> None:
    story = Story()
    story.run("ACTIVE")
    story.total, story.completed = 40, 20
    for number in range(11):
        story.task("RUNNING", f"T{number}")

    lines = story.shown()

    assert sum(line.startswith("▶") for line in lines) == 8
    assert "  and 3 more" in lines
    assert lines[-1].startswith("━━━━━━━━━━━━──────────── 20/40")
    assert story.shown(79)[-1].startswith("━━━━━───── 20/40")


def test_what_a_worker_says_it_does_stands_beside_its_task() -> None:
    story = Story()
    story.task("RUNNING")

    story.happens(
        "WorkerReported", worker={"currentActivity": "Reading\n", "progress": 40, "task": {"id": "task_T1"}}
    )

    assert "▶ T1  Do T1  1.0 s  40 % Reading" in story.shown()


@pytest.mark.parametrize(
    "kind", ["TaskStatusChanged", "AttentionOpened", "AttentionClosed", "WorkerReported"]
)
def test_events_whose_objects_are_gone_and_kinds_that_are_new_are_no_trouble(kind: str) -> None:
    gone = {"task": None, "item": None, "worker": None, "newTaskStatus": "RUNNING", "reason": None}

    assert Story().happens(kind, **gone) == []
    assert Story().happens("MoonRose") == []
