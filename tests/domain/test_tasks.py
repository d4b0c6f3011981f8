"""Attempts and their rests, prompts, silence."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.prompts import compose
from app.domain.reports import Exited
from app.domain.tasks import FINISHED, SATISFIES, TaskStatus, back_off, may_try_again
from app.domain.workers import ExitReason, is_silent

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_rest_doubles_up_to_a_minute() -> None:
    seconds = [back_off(failures).total_seconds() for failures in range(1, 10)]
    assert seconds == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert back_off(10**9).total_seconds() == 60


@pytest.mark.parametrize("failures", [0, -1])
def test_there_is_no_rest_before_the_first_failure(failures: int) -> None:
    with pytest.raises(ValueError, match="before the first failure"):
        back_off(failures)


def test_a_task_is_tried_as_often_as_it_may_be() -> None:
    assert [may_try_again(failures, 3) for failures in (1, 2, 3, 4)] == [True, True, False, False]


def test_a_cancelled_task_frees_the_gate_but_not_its_dependents() -> None:
    assert {TaskStatus.CANCELLED} == FINISHED - SATISFIES
    assert {TaskStatus.COMPLETED, TaskStatus.SKIPPED} == SATISFIES


def test_a_prompt_is_a_heading_a_description_and_boxes() -> None:
    assert compose("build", "Build it", "Use make.", [("one", True), ("two", False)]) == (
        "# build: Build it\n\nUse make.\n\n- [x] one\n- [ ] two\n"
    )


def test_a_prompt_leaves_out_what_there_is_not() -> None:
    assert compose(None, "Look around", "") == "# Look around\n"


@pytest.mark.parametrize(
    ("heard", "ready", "silent"),
    [
        (130, 200, True),
        (120, 200, False),
        (130, 120, False),
        (10**6, 10, False),
    ],
)
def test_silence_counts_from_when_somebody_listened(heard: int, ready: int, silent: bool) -> None:
    found = is_silent(
        NOW - timedelta(seconds=heard),
        NOW,
        ready_since=NOW - timedelta(seconds=ready),
        patience=timedelta(seconds=120),
    )
    assert found is silent


@pytest.mark.parametrize(
    ("exited", "succeeded", "words"),
    [
        (Exited(ExitReason.EXITED, exit_code=0), True, "exit code 0"),
        (Exited(ExitReason.EXITED, exit_code=3), False, "exit code 3"),
        (Exited(ExitReason.EXITED, signal=9), False, "signal 9"),
        (Exited(ExitReason.KILLED, exit_code=0), False, "was ended"),
        (Exited(ExitReason.TIMED_OUT, exit_code=0), False, "time-out"),
        (Exited(ExitReason.CANNOT_START, message="No such file."), False, "No such file."),
        (Exited(ExitReason.RUNNER_LOST), False, "runner died"),
    ],
)
def test_only_an_exit_with_code_zero_is_a_success(exited: Exited, succeeded: bool, words: str) -> None:
    assert exited.succeeded() is succeeded
    assert words in exited.words()
