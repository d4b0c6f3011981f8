"""What a run does by itself, over every combination of what it is judged by."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from app.domain.runs import RUN, RunMove, RunStatus, Standing, Urgency, next_move

S, M = RunStatus, RunMove
STANDINGS = [
    Standing(*facts)
    for facts in product(
        *(RunStatus, (0, 7), (0, 7), (0, 7), (0, 3), (0, 3), (False, True), (None, *Urgency)),
        *((False, True), (False, True), (False, True), (False, True)),
    )
]
STANDINGS = [
    run
    for run in STANDINGS
    if run.restless <= run.workers
    and run.ready >= run.gates_met
    and (not run.budget_paused or run.status in (S.PAUSING, S.PAUSED))
]
DRIVEN = (S.ACTIVE, S.WAITING_FOR_INPUT, S.BLOCKED)
RESTING = frozenset(RunStatus) - {*DRIVEN, S.PAUSING, S.STOPPING, S.COMPLETING}


def complaint(run: Standing, move: RunMove | None) -> str | None:
    """What is wrong with a run making this move."""
    stuck = not run.movable and not (run.gates_met and run.auto_complete)
    broke = run.used_up and not run.gates_met
    busy = run.restless if run.pause_mode is Urgency.NOW else run.workers
    rules = {
        M.FAIL: (
            "fails only where nothing else can move",
            stuck and not run.waiting and run.failed > 0 and not run.ready,
        ),
        M.AWAIT_INPUT: ("waits only where nothing moves but answers", stuck and run.waiting > 0),
        M.BLOCK: (
            "is blocked only without another reason",
            stuck and not run.waiting and (not run.failed or run.ready),
        ),
        M.FINISH: ("finishes only behind its last gate", run.gates_met and run.auto_complete),
        M.COMPLETE: (
            "completes only with its gates met and without workers",
            run.gates_met and not run.workers,
        ),
        M.REOPEN: ("goes back only where a gate does not hold any more", not run.gates_met),
        M.CANCEL: ("is cancelled only without workers", not run.workers),
        M.REST: ("rests only once its workers do", not busy),
        M.PAUSE: ("is paused only by a budget, and only where there is still something to be done", broke),
        M.RESUME: (
            "resumes only what its budget has paused, and no longer does",
            run.budget_paused and not broke,
        ),
        M.GO_ON: ("goes on only for a reason", run.movable or run.gates_met or run.status in DRIVEN),
    }
    if move is None:
        return None
    if not RUN.allows(run.status, move):
        return f"{run.status} cannot {move}"
    if move not in rules:
        return f"{move} is a client's verb"
    rule, holds = rules[move]
    return None if holds else rule


def settled(run: Standing, judge: Callable[[Standing], RunMove | None] = next_move) -> Standing:
    for _ in range(len(RunStatus)):
        move = judge(run)
        if move is None:
            return run
        held = run.budget_paused if move is M.REST else move is M.PAUSE
        mode = Urgency.NOW if move is M.PAUSE else run.pause_mode
        run = replace(run, status=RUN.after(run.status, move), budget_paused=held, pause_mode=mode)
    raise AssertionError(f"never comes to rest: {run}")


def complaints(judge: Callable[[Standing], RunMove | None]) -> list[str]:
    return [found for run in STANDINGS if (found := complaint(run, judge(run))) is not None]


def test_a_run_makes_no_move_that_it_has_no_reason_for() -> None:
    assert complaints(next_move) == []


def test_a_judge_that_forgets_who_waits_for_an_answer_is_caught() -> None:
    assert complaints(lambda run: next_move(replace(run, waiting=0)))


def test_a_judge_that_forgets_what_can_move_is_caught() -> None:
    assert complaints(lambda run: next_move(replace(run, movable=0)))


def test_a_judge_that_forgets_workers_is_caught() -> None:
    assert complaints(lambda run: next_move(replace(run, workers=0, restless=0)))


def test_a_judge_that_forgets_the_budget_is_caught() -> None:
    """It goes on past it: a run that is used up is never at rest where it could start something."""
    assert all(settled(run).status not in DRIVEN for run in STANDINGS if run.used_up and not run.gates_met)
    careless = [settled(run, lambda seen: next_move(replace(seen, used_up=False))) for run in STANDINGS]
    assert any(run.status in DRIVEN and run.used_up and not run.gates_met for run in careless)


def test_every_run_comes_to_rest() -> None:
    for run in STANDINGS:
        settled(run)


def test_where_a_run_comes_to_rest_does_not_depend_on_the_way_it_came() -> None:
    for run in STANDINGS:
        if run.status is S.ACTIVE:
            ends = {settled(replace(run, status=status)).status for status in DRIVEN}
            assert len(ends) == 1, run


@pytest.mark.parametrize(
    ("movable", "waiting", "failed", "ends"),
    [
        (1, 0, 0, S.ACTIVE),
        (1, 1, 1, S.ACTIVE),
        (0, 1, 0, S.WAITING_FOR_INPUT),
        (0, 1, 1, S.WAITING_FOR_INPUT),
        (0, 0, 1, S.FAILED),
        (0, 0, 0, S.BLOCKED),
    ],
)
def test_a_run_stands_where_its_tasks_put_it(
    movable: int, waiting: int, failed: int, ends: RunStatus
) -> None:
    run = Standing(S.ACTIVE, movable, waiting, failed, workers=1, restless=1, gates_met=False)
    assert settled(run).status is ends


def test_a_run_completes_behind_its_last_gate_once_its_workers_have_ended() -> None:
    run = Standing(S.ACTIVE, 0, 0, 0, workers=1, restless=1, gates_met=True)
    assert settled(run).status is S.COMPLETING
    assert settled(replace(run, workers=0, restless=0)).status is S.COMPLETED


def test_behind_its_last_gate_a_run_that_does_not_complete_by_itself_is_blocked() -> None:
    run = Standing(S.ACTIVE, 0, 0, 0, workers=0, restless=0, gates_met=True, auto_complete=False, ready=True)
    assert settled(run).status is S.BLOCKED
    assert settled(replace(run, status=S.COMPLETING)).status is S.COMPLETED
    assert settled(replace(run, movable=1)).status is S.ACTIVE


def test_a_failure_that_a_gate_does_not_mind_does_not_fail_the_run() -> None:
    run = Standing(S.ACTIVE, 0, 0, failed=1, workers=0, restless=0, gates_met=False, ready=True)
    assert settled(run).status is S.BLOCKED
    assert settled(replace(run, ready=False)).status is S.FAILED


def test_a_gate_that_does_not_hold_any_more_brings_a_run_back() -> None:
    run = Standing(S.COMPLETING, 1, 0, 0, workers=0, restless=0, gates_met=False)
    assert settled(run).status is S.ACTIVE


@pytest.mark.parametrize(
    ("mode", "workers", "restless", "ends"),
    [
        (Urgency.DRAIN, 1, 0, S.PAUSING),
        (Urgency.DRAIN, 0, 0, S.PAUSED),
        (Urgency.NOW, 2, 1, S.PAUSING),
        (Urgency.NOW, 2, 0, S.PAUSED),
        (Urgency.NOW, 0, 0, S.PAUSED),
    ],
)
def test_a_pause_is_reached_once_its_mode_is_satisfied(
    mode: Urgency, workers: int, restless: int, ends: RunStatus
) -> None:
    run = Standing(S.PAUSING, 1, 0, 0, workers, restless, gates_met=False, pause_mode=mode)
    assert settled(run).status is ends


def test_a_run_that_rests_is_moved_by_nobody_but_clients() -> None:
    for run in STANDINGS:
        if run.status in RESTING and not run.budget_paused:
            assert next_move(run) is None
