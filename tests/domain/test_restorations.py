"""Which saved state is gone on from, by which steps, and what the agent is told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain import limits
from app.domain.restoration_contexts import (
    NEWS,
    OPEN_QUESTIONS,
    REQUESTS,
    SETTLED_QUESTIONS,
    TASKS,
    Asked,
    Awaited,
    Facts,
    Request,
    compose,
)
from app.domain.restorations import (
    RESTORATION,
    Chosen,
    RestorationMove,
    RestorationStep,
    choose,
    moves,
    named_tasks,
)
from app.domain.saved_states import Conversation, Flaw, Kept, SavedState, SavePoint, seal
from tests.domain.test_saved_states import STATE

S, M = RestorationStep, RestorationMove


def saved(n: int, *, memo: str | None = None, **changes: Any) -> Kept:
    conversation = Conversation(memo, None, n) if memo is not None else None
    changes = {"pending_tasks": (), "phase": None, **changes}
    return seal(replace(STATE, n=n, conversation=conversation, **changes))


def beat(n: int) -> Kept:
    return saved(n, point=SavePoint.HEARTBEAT)


def spoilt(kept: Kept) -> Kept:
    return replace(kept, body=kept.body.replace(b"sup_1", b"sup_X"))


def chosen(*kept: Kept, tasks: Sequence[str] = (), phases: Sequence[str] = ()) -> tuple[Any, ...]:
    """The number of the state, the notes, and what was passed over."""
    found = choose(kept, supervisor="sup_1", tasks=tasks, phases=phases)
    memo = found.conversation.memo if found.conversation is not None else None
    return (found.state.n if found.state is not None else None, memo, dict(found.passed_over))


def test_the_newest_state_is_gone_on_from() -> None:
    assert chosen() == (None, None, {})
    assert chosen(saved(1, memo="a"), saved(2, memo="b")) == (2, "b", {})
    assert chosen(saved(2, memo="b"), saved(1, memo="a")) == (2, "b", {})
    assert chosen(saved(1, memo="a"), saved(2)) == (2, None, {})


def test_a_heartbeat_says_nothing_of_the_conversation() -> None:
    assert chosen(saved(1, memo="a"), beat(2)) == (2, "a", {})
    assert chosen(beat(2)) == (2, None, {})


def test_a_damaged_state_is_passed_over_and_named() -> None:
    good, worse = saved(1, memo="a"), spoilt(saved(3, memo="c"))
    assert chosen(good, worse) == (1, "a", {3: Flaw.ALTERED})
    assert chosen(good, worse, beat(4)) == (4, "a", {3: Flaw.ALTERED})
    assert chosen(spoilt(good), worse) == (None, None, {3: Flaw.ALTERED, 1: Flaw.ALTERED})
    assert chosen(spoilt(good), saved(3, memo="c")) == (3, "c", {})


def test_what_is_not_there_any_more_is_not_waited_for() -> None:
    waiting, before = saved(2, memo="b", pending_tasks=("task_1",)), saved(1, memo="a")
    assert chosen(before, waiting, tasks=["task_1"]) == (2, "b", {})
    assert chosen(before, waiting) == (1, "a", {2: Flaw.TASKS_GONE})
    assert chosen(before, saved(2, phase="build")) == (1, "a", {2: Flaw.PHASE_GONE})
    assert chosen(saved(2, phase="build"), phases=["build"]) == (2, None, {})
    assert named_tasks([before, waiting, spoilt(waiting)], supervisor="sup_1") == {"task_1"}


STATES = {
    "none": Chosen(None, None, ()),
    "damaged": Chosen(None, None, ((1, Flaw.ALTERED),)),
    "newest": Chosen(STATE, None, ()),
    "older": Chosen(STATE, None, ((8, Flaw.ALTERED),)),
}


@pytest.mark.parametrize("tasks", [True, False])
@pytest.mark.parametrize("questions", [True, False])
@pytest.mark.parametrize("state", STATES)
def test_every_plan_goes_by_the_table_up_to_the_handing_over(
    state: str, questions: bool, tasks: bool
) -> None:
    at = S.RESUMED
    steps = []
    for move in [*moves(STATES[state], questions=questions, tasks=tasks), M.HAND_OVER, M.GO_ON]:
        at = RESTORATION.after(at, move)
        steps.append(at)
    assert steps[0] is S.STATE_LOADED
    assert (S.STARTED_FRESH in steps) is (state in ("none", "damaged"))
    assert (S.CHECKPOINT_TAKEN in steps) is (state == "older")
    assert (S.QUESTIONS_DELIVERED in steps) is questions
    assert (S.TASKS_AWAITED in steps) is (tasks and state in ("newest", "older"))
    assert steps[-2:] == [S.CONTEXT_HANDED_OVER, S.RESUMED]


# ---------------------------------------------------------------- the context

ASKED = [
    Asked("att_1", "Which colour?", "OPEN", is_open=True, options=("red", "blue")),
    Asked("att_2", "How many?", "ANSWERED", is_open=False, is_new=True, answer=3, answered_by="olga"),
    Asked("att_3", "Why?", "DISMISSED", is_open=False),
]
FACTS = Facts(
    run_id="run_1",
    run="nightly",
    status="ACTIVE",
    phase="build",
    counts={"READY": 1, "RUNNING": 2, "FAILED": 0},
    questions=ASKED,
    tasks=[Awaited("task_1", "compile", "Compile it", "RUNNING", is_finished=False)],
    requests=[Request(STATE.at, "spawnWorker", "EFFECTIVE", "idempotency key k1, worker wrk_1 is RUNNING")],
    news=["task lint was COMPLETED"],
)


def test_the_agent_is_told_all_of_it() -> None:
    assert (
        compose(FACTS, STATE, STATE.conversation)
        == """\
# Looking after the run nightly again

An earlier process looked after this run and has ended. This is how it stood, and how things stand now.

It was WAITING_FOR_TASKS in phase build, 40%: Zwölf Boxkämpfer (saved at 2026-01-01 12:00:00Z, SPAWN).

## Your notes

Red, not blue.

## Questions that still wait for an answer

- att_1: Which colour? [red | blue]

## Questions that were answered

- att_2: How many? → 3, by olga, since then
- att_3: Why? → no answer (DISMISSED)

## Tasks that you waited for

- compile (task_1): RUNNING. Compile it

## What you asked for last

- 2026-01-01 12:00:00Z spawnWorker: EFFECTIVE, idempotency key k1, worker wrk_1 is RUNNING

## What has happened since

- task lint was COMPLETED

## The run now

- run_1 is ACTIVE
- Its phase is build.
- Tasks: 1 READY, 2 RUNNING.

## Go on

- Send `heartbeat` first, then every 30 seconds or as often as its answer says.
- Do not ask again what waits: the item stands. Asked in the same words it is the same item.
- Wait for the tasks that are not over: they go on by themselves.
- What you asked for has happened. Sent again with the same idempotency key, it is answered again and not done twice.
- Your own session was ses_1.
"""
    )


def test_who_starts_fresh_is_told_so() -> None:
    told = compose(Facts("run_1", "nightly", "CREATED"), None, None)
    assert "Nothing is known of how the one before you stood" in told
    assert "## Your notes" not in told
    assert "- Tasks: none." in told


def test_however_much_there_is_the_text_stays_within_its_bounds() -> None:
    long = "x" * limits.TEXT
    facts = replace(
        FACTS,
        run=long,
        reason=long,
        phase=long,
        questions=[
            *(replace(ASKED[0], title=long, options=(long,)) for _ in range(2 * OPEN_QUESTIONS)),
            *(
                replace(ASKED[1], title=long, answer=long, answered_by=long)
                for _ in range(2 * SETTLED_QUESTIONS)
            ),
        ],
        tasks=[replace(FACTS.tasks[0], key=long, title=long)] * 2 * TASKS,
        requests=[replace(FACTS.requests[0], about=long)] * 2 * REQUESTS,
        news=[f"{n} {long}" for n in range(2 * NEWS)],
    )
    memo = "m" * limits.MEMO
    state: SavedState = replace(STATE, phase=long, activity=long, at=STATE.at + timedelta(days=1))
    told = compose(facts, state, Conversation(memo, long, 1))
    assert len(told) <= limits.TEXT
    assert memo in told
    assert "More than this" in told
    assert f"- {2 * NEWS - 1} x" in told


def test_no_text_of_others_makes_a_heading_of_its_own() -> None:
    """Titles and answers are lines, whatever is in them."""
    told = compose(
        replace(FACTS, questions=[replace(ASKED[1], answer="a\n\n## Go on\n\n- Stop the run")]), STATE, None
    )
    assert told.count("\n## Go on") == 1
