"""Questions: asked, merged, answered, dismissed, expired, and what they hold up."""

from typing import Any

import pytest

from app import commands
from app.domain import limits
from app.domain.errors import ErrorCode
from app.domain.events import EventKind
from app.domain.reports import Paused, Resumed, Seen
from app.domain.runs import RunStatus
from tests.factories import COMMAND
from tests.fleet import Fleet


async def answer(fleet: Fleet, item: str, value: Any = "yes") -> None:
    await fleet.do(commands.attention.answer, item_id=item, answer=value)


async def expire(fleet: Fleet) -> int:
    return await fleet.db.write(commands.attention.expire)


# ---------------------------------------------------------------- asking and answering


async def test_who_asks_waits_and_goes_on_with_the_answer(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    item = await fleet.asking(run_id, "a", "Which?", detail="of these", options=["this", "that"])
    worker = str((await fleet.task(run_id, "a")).worker_id)
    row = await fleet.item(item)
    assert (row.kind, row.status, row.title, row.detail) == ("QUESTION", "OPEN", "Which?", "of these")
    assert (await fleet.worker(worker)).status == "WAITING_FOR_INPUT"
    assert (await fleet.worker(worker)).revision == 2
    assert await fleet.statuses(run_id) == {"a": "WAITING_FOR_INPUT"}
    run = await fleet.run(run_id)
    assert (run.status, run.open_attention) == (RunStatus.WAITING_FOR_INPUT, 1)
    assert "1 task waits for an answer" in (run.status_reason or "")
    await answer(fleet, item, "that")
    row = await fleet.item(item)
    assert (row.status, row.answer, row.answered_by, row.answered_at) == (
        "ANSWERED",
        "that",
        "olga",
        fleet.clock(),
    )
    assert (await fleet.worker(worker)).status == "RUNNING"
    assert (await fleet.worker(worker)).revision == 3
    assert await fleet.statuses(run_id) == {"a": "RUNNING"}
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE
    kinds = [
        event.kind for event in await fleet.events(EventKind.ATTENTION_OPENED, EventKind.ATTENTION_CLOSED)
    ]
    assert kinds == ["AttentionOpened", "AttentionClosed"]


async def test_where_every_place_waits_for_an_answer_the_run_does(fleet: Fleet) -> None:
    """There is more to start, but no place to start it in before somebody answers, or gives it more places."""
    run_id = await fleet.a_run("a", "b", max_workers=1)
    item = await fleet.asking(run_id, "a")
    run = await fleet.run(run_id)
    assert (run.status, run.status_reason) == (
        RunStatus.WAITING_FOR_INPUT,
        "1 task waits for an answer: see the attention list.",
    )
    assert await fleet.claim() == []
    await fleet.do(commands.runs.configure, run_id=run_id, max_workers=2)
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE
    await fleet.do(commands.runs.configure, run_id=run_id, max_workers=1)
    assert (await fleet.run(run_id)).status == RunStatus.WAITING_FOR_INPUT
    await answer(fleet, item, "this one")
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE
    await fleet.finish(run_id, "a", "b")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_a_worker_beside_the_dag_that_asks_can_hold_a_run_up(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", max_workers=1)
    helper = (await fleet.do(commands.workers.spawn, run_id=run_id, runtime=COMMAND)).refs["worker"]
    assert await fleet.claim() == [helper]
    await fleet.up(helper)
    asked = {"run_id": run_id, "worker_id": helper, "question": "Which?"}
    item = (await fleet.do(commands.attention.ask, **asked)).refs["item"]
    run = await fleet.run(run_id)
    assert (run.status, run.status_reason) == (
        RunStatus.WAITING_FOR_INPUT,
        "Every worker waits for an answer: see the attention list.",
    )
    await answer(fleet, item, "this one")
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE
    await fleet.exit(helper)
    await fleet.finish(run_id, "a")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_the_same_question_is_asked_once_and_one_answer_releases_all(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", "c", "d < a")
    items = {await fleet.asking(run_id, key, options=["x", "y"]) for key in ("a", "b")}
    assert len(items) == 1
    other = await fleet.asking(run_id, "c", options=["x"])
    assert other not in items
    (item,) = items
    assert (await fleet.item(item)).blocked_tasks == 3  # a, b and d behind a
    assert (await fleet.run(run_id)).open_attention == 2
    await answer(fleet, item, "x")
    assert await fleet.statuses(run_id) == {
        "a": "RUNNING",
        "b": "RUNNING",
        "c": "WAITING_FOR_INPUT",
        "d": "PENDING",
    }


async def test_the_same_question_of_another_run_is_another_item(fleet: Fleet) -> None:
    runs = [await fleet.a_run("a"), await fleet.a_run("a")]
    first, second = [await fleet.asking(run_id, "a") for run_id in runs]
    assert first != second
    await answer(fleet, first)
    assert (await fleet.item(second)).status == "OPEN"


async def test_a_worker_with_two_questions_waits_for_both_answers(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    first = await fleet.asking(run_id, "a", "Which?")
    second = await fleet.asking(run_id, "a", "Why?")
    await answer(fleet, first)
    assert (await fleet.task(run_id, "a")).status == "WAITING_FOR_INPUT"
    await answer(fleet, second)
    assert (await fleet.task(run_id, "a")).status == "RUNNING"


async def test_a_question_asked_again_by_the_same_worker_is_the_same_item(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    first = await fleet.asking(run_id, "a")
    assert await fleet.asking(run_id, "a") == first
    await answer(fleet, first)
    second = await fleet.asking(run_id, "a")
    assert second != first  # it knows the answer and asks anew: something has changed
    assert (await fleet.task(run_id, "a")).status == "WAITING_FOR_INPUT"


async def test_the_first_answer_counts(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    item = await fleet.asking(run_id, "a")
    await answer(fleet, item, "first")
    for change, arguments in [
        (commands.attention.answer, {"answer": "second"}),
        (commands.attention.dismiss, {}),
    ]:
        refused = await fleet.refused(change, item_id=item, **arguments)
        assert (refused.code, refused.details) == (ErrorCode.ALREADY_ANSWERED, {"item": item})
    assert (await fleet.item(item)).answer == "first"


async def test_a_dismissed_question_lets_its_asker_go_on_without_an_answer(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    item = await fleet.asking(run_id, "a", default_answer="d")
    await fleet.do(commands.attention.dismiss, item_id=item)
    row = await fleet.item(item)
    assert (row.status, row.answer) == ("DISMISSED", None)
    assert (await fleet.task(run_id, "a")).status == "RUNNING"


async def test_a_question_can_be_asked_by_nobody_in_particular(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    receipt = await fleet.do(commands.attention.ask, run_id=run_id, question="Shall we?")
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE
    await fleet.finish(run_id, "a")
    assert (await fleet.item(receipt.refs["item"])).status == "OPEN"
    await answer(fleet, receipt.refs["item"], None)
    assert (await fleet.item(receipt.refs["item"])).status == "ANSWERED"


async def test_a_worker_that_asks_before_its_start_is_known_waits_from_then_on(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    (worker,) = await fleet.claim()
    receipt = await fleet.do(commands.attention.ask, run_id=run_id, worker_id=worker, question="Which?")
    assert await fleet.statuses(run_id) == {"a": "READY"}
    await fleet.up(worker)
    assert await fleet.statuses(run_id) == {"a": "WAITING_FOR_INPUT"}
    assert (await fleet.run(run_id)).status == RunStatus.WAITING_FOR_INPUT
    await answer(fleet, receipt.refs["item"])
    assert await fleet.statuses(run_id) == {"a": "RUNNING"}


async def test_an_answer_reaches_a_worker_that_was_paused_while_it_waited(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    item = await fleet.asking(run_id, "a")
    worker = str((await fleet.task(run_id, "a")).worker_id)
    await fleet.do(commands.workers.pause, worker_id=worker)
    await fleet.report(worker, Seen(3), Paused())
    await answer(fleet, item)
    assert await fleet.statuses(run_id) == {"a": "RUNNING"}
    assert (await fleet.worker(worker)).status == "PAUSED"
    await fleet.do(commands.workers.resume, worker_id=worker)
    await fleet.report(worker, Resumed())
    assert (await fleet.worker(worker)).status == "RUNNING"
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE


async def test_a_worker_that_asks_while_it_is_being_paused_waits_after_it_is_resumed(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.workers.pause, worker_id=worker)
    await fleet.report(worker, Seen(2), Paused())
    item = await fleet.asking(run_id, "a")
    assert await fleet.statuses(run_id) == {"a": "WAITING_FOR_INPUT"}
    await fleet.do(commands.workers.resume, worker_id=worker)
    await fleet.report(worker, Resumed())
    assert (await fleet.worker(worker)).status == "WAITING_FOR_INPUT"
    await answer(fleet, item)
    assert (await fleet.worker(worker)).status == "RUNNING"


# ---------------------------------------------------------------- what fits


@pytest.mark.parametrize(
    ("wanted", "good", "bad"),
    [
        ({"options": ["a", "b"]}, ["a", "b"], ["c", None, 1, ["a"], ""]),
        ({}, ["x", None, 1, {"a": [1]}], []),
        (
            {
                "answer_schema": {
                    "type": "object",
                    "required": ["n"],
                    "properties": {"n": {"type": "integer"}},
                }
            },
            [{"n": 1}],
            [{}, {"n": "1"}, [], "n", None],
        ),
        ({"answer_schema": {"type": "boolean"}, "options": ["a"]}, [True], ["a", None]),
    ],
)
async def test_an_answer_has_to_fit_the_question(
    fleet: Fleet, wanted: dict[str, Any], good: list[Any], bad: list[Any]
) -> None:
    run_id = await fleet.a_run("a")
    for value in bad:
        item = await fleet.asking(run_id, "a", **wanted)
        refused = await fleet.refused(commands.attention.answer, item_id=item, answer=value)
        assert refused.code is ErrorCode.INVALID_INPUT
        refused = await fleet.refused(
            commands.attention.ask, run_id=run_id, question="Else?", default_answer=value, **wanted
        )
        assert refused.code is ErrorCode.INVALID_INPUT
    for value in good:
        item = await fleet.asking(run_id, "a", **wanted)
        await answer(fleet, item, value)
        assert (await fleet.item(item)).answer == value


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"$ref": "http://127.0.0.1:1/x"},
        {"properties": {"a": {"$ref": "#/nowhere"}}},
        {"$dynamicRef": "#nowhere"},
        {"pattern": "("},
        {"pattern": "(a+)+$"},
        {"items": {"uniqueItems": True}},
        {"allOf": [{"type": "string"}] * limits.SCHEMA_VALUES},
        {"patternProperties": {"(": {}}},
        {"properties": {"a": {"pattern": "[a"}}},
        {"enum": "x" * limits.JSON_BYTES},
        ["not an object"],
    ],
)
async def test_a_schema_that_nothing_could_be_checked_against_is_refused(fleet: Fleet, schema: Any) -> None:
    run_id = await fleet.a_run("a")
    refused = await fleet.refused(
        commands.attention.ask, run_id=run_id, question="Which?", answer_schema=schema
    )
    assert refused.code in (ErrorCode.INVALID_INPUT, ErrorCode.LIMIT_EXCEEDED)
    assert refused.path == ["input", "answerSchema"]


async def test_an_answer_may_be_only_so_large(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    item = await fleet.asking(run_id, "a")
    refused = await fleet.refused(commands.attention.answer, item_id=item, answer="x" * limits.JSON_BYTES)
    assert refused.code is ErrorCode.LIMIT_EXCEEDED


async def test_only_live_workers_and_tasks_of_the_run_ask(fleet: Fleet) -> None:
    run_id, other = await fleet.a_run("a", "b"), await fleet.a_run("c")
    worker, stranger = await fleet.working(run_id, "a"), await fleet.working(other, "c")
    await fleet.exit(worker)
    ask = commands.attention.ask
    foreign = (await fleet.task(other, "c")).id
    for arguments, code in [
        ({"worker_id": worker}, ErrorCode.STALE_FENCE),
        ({"worker_id": stranger}, ErrorCode.INVALID_INPUT),
        ({"task_id": foreign}, ErrorCode.INVALID_INPUT),
        ({"worker_id": "wrk_none"}, ErrorCode.NOT_FOUND),
    ]:
        assert (await fleet.refused(ask, run_id=run_id, question="Which?", **arguments)).code is code
    await fleet.exit(stranger)
    assert (await fleet.refused(ask, run_id=other, question="?")).code is ErrorCode.INVALID_TRANSITION


# ---------------------------------------------------------------- deadlines


async def test_a_default_answer_is_applied_at_the_deadline(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    item = await fleet.asking(run_id, "a", default_answer="d", expires_in_seconds=60)
    fleet.clock.advance(seconds=59.999)
    assert await expire(fleet) == 0
    fleet.clock.advance(seconds=0.001)
    assert await expire(fleet) == 1
    row = await fleet.item(item)
    assert (row.status, row.answer, row.has_default) == ("EXPIRED", "d", True)
    assert (await fleet.task(run_id, "a")).status == "RUNNING"
    assert await expire(fleet) == 0


async def test_without_a_default_the_asker_goes_on_without_an_answer(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    item = await fleet.asking(run_id, "a", expires_in_seconds=1)
    fleet.clock.advance(seconds=1)
    await expire(fleet)
    row = await fleet.item(item)
    assert (row.status, row.answer, row.has_default) == ("EXPIRED", None, False)
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE


async def test_a_default_of_null_is_a_default(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    assert (await fleet.item(await fleet.asking(run_id, "a", default_answer=None))).has_default


async def test_items_of_one_run_and_of_many_expire_together(fleet: Fleet) -> None:
    runs = [await fleet.a_run("a", "b"), await fleet.a_run("a")]
    for run_id, key, question in [(runs[0], "a", "1?"), (runs[0], "b", "2?"), (runs[1], "a", "1?")]:
        await fleet.asking(run_id, key, question, expires_in_seconds=1)
    fleet.clock.advance(seconds=2)
    assert await expire(fleet) == 3
    assert [(await fleet.run(run_id)).open_attention for run_id in runs] == [0, 0]


# ---------------------------------------------------------------- order


async def test_what_an_item_holds_back_is_counted_anew(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a", "c < b", "d")
    item = await fleet.asking(run_id, "a")
    assert (await fleet.item(item)).blocked_tasks == 3
    await fleet.do(commands.tasks.skip, task_id=(await fleet.task(run_id, "c")).id)
    assert await fleet.db.write(commands.attention.refresh) == 1
    assert (await fleet.item(item)).blocked_tasks == 2
    assert await fleet.db.write(commands.attention.refresh) == 0
