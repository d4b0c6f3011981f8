"""Two tasks that mean to change the same paths do not start together."""

import asyncio
from typing import Any

import pytest

from app import commands, store
from app.domain.conflicts import ConflictPolicy
from app.domain.edits import AddDependency, EditTask, RemoveDependency, RemoveTask
from app.domain.errors import ErrorCode
from app.domain.events import EventKind
from app.domain.plans import PlanTask
from app.domain.runs import RunStatus, Urgency
from app.domain.workers import ExitReason
from app.store.tables import AttentionRow
from tests.factories import a_plan, a_task
from tests.fleet import Fleet

ASK, SERIALIZE, ALLOW = ConflictPolicy


def on(key: str, *paths: str, **values: Any) -> PlanTask:
    return a_task(key, paths=list(paths or ["src/**"]), **values)


async def a_run(fleet: Fleet, *tasks: PlanTask | str, policy: ConflictPolicy = ASK, **values: Any) -> str:
    return await fleet.a_run(plan=a_plan(*tasks), conflict_policy=policy, **values)


async def claimed(fleet: Fleet) -> list[str]:
    """The tasks that are begun, in order."""
    return [(await fleet.worker(worker)).name.split()[0] for worker in await fleet.claim()]


async def asked(fleet: Fleet, run_id: str) -> list[AttentionRow]:
    return list(await fleet.db.read(store.attention.open_conflicts, run_id))


async def the_item(fleet: Fleet, run_id: str) -> AttentionRow:
    (item,) = await asked(fleet, run_id)
    return item


async def answer(fleet: Fleet, item: AttentionRow, value: str) -> None:
    await fleet.do(commands.attention.answer, item_id=item.id, answer=value)


async def configure(fleet: Fleet, run_id: str, policy: ConflictPolicy) -> None:
    await fleet.do(commands.runs.configure, run_id=run_id, conflict_policy=policy)


async def needs(fleet: Fleet, run_id: str) -> dict[str, list[str]]:
    tasks = await fleet.tasks(run_id)
    found = await fleet.db.read(store.tasks.needs_of, [task.id for task in tasks.values()])
    return {key: [one.key for one in found[task.id]] for key, task in tasks.items() if found[task.id]}


# ---------------------------------------------------------------- asking


async def test_the_second_is_held_back_and_asked_about_once(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a", "src/**/*.py"), on("b", "docs", "src/api/*.py"), on("c", "web"))
    assert await claimed(fleet) == ["a", "c"]
    item = await the_item(fleet, run_id)
    assert (item.kind, item.options) == ("CONFLICT", ["SERIALIZE", "PARALLELIZE", "SKIP"])
    assert item.title == "Task b means to change paths that a is at work on: what becomes of it?"
    assert (item.detail or "").splitlines()[:2] == ["b (Do b): src/api/*.py", "a (Do a): src/**/*.py"]
    assert item.blocked_tasks == 1
    assert await claimed(fleet) == []
    assert [one.id for one in await asked(fleet, run_id)] == [item.id]
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE  # a moves


async def test_it_starts_when_the_first_has_ended_and_nobody_is_asked_any_more(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    await fleet.working(run_id, "a")
    item = await the_item(fleet, run_id)
    await fleet.finish(run_id, "a")
    item = await fleet.item(item.id)
    assert (item.status, item.answered_by) == ("DISMISSED", None)
    assert await claimed(fleet) == ["b"]


async def test_parallelize_lets_the_two_run_beside_each_other_for_good(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a", max_attempts=2), on("b", max_attempts=3))
    await fleet.working(run_id, "a")
    await answer(fleet, await the_item(fleet, run_id), "PARALLELIZE")
    assert await claimed(fleet) == ["b"]
    await fleet.fail(run_id, "b")
    await fleet.fail(run_id, "a")
    fleet.clock.advance(seconds=9)
    assert sorted(await claimed(fleet)) == ["a", "b"]
    assert await asked(fleet, run_id) == []


async def test_to_dismiss_it_lets_the_second_go_on_as_who_asks_without_an_answer_does(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    await fleet.working(run_id, "a")
    item = await the_item(fleet, run_id)
    await fleet.do(commands.attention.dismiss, item_id=item.id)
    assert await claimed(fleet) == ["b"]


async def test_serialize_has_the_second_depend_on_the_first(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"), "c < b")
    await fleet.working(run_id, "a")
    before = (await fleet.run(run_id)).version
    await answer(fleet, await the_item(fleet, run_id), "SERIALIZE")
    assert await needs(fleet, run_id) == {"b": ["a"], "c": ["b"]}
    assert {key: task.depth for key, task in (await fleet.tasks(run_id)).items()} == {"a": 0, "b": 1, "c": 2}
    assert (await fleet.statuses(run_id))["b"] == "PENDING"
    assert (await fleet.run(run_id)).version == before + 1
    (event,) = await fleet.events(EventKind.DAG_MUTATED)
    assert event.data["changed"] == [(await fleet.task(run_id, "b")).id]
    await fleet.finish(run_id, "a", "b", "c")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_skip_leaves_the_second_out(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"), "c < b")
    await fleet.working(run_id, "a")
    await answer(fleet, await the_item(fleet, run_id), "SKIP")
    assert await fleet.statuses(run_id) == {"a": "RUNNING", "b": "SKIPPED", "c": "READY"}


async def test_who_is_in_the_way_of_a_third_is_asked_about_after_the_first_answer(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a", "x"), on("b", "y"), on("c", "x", "y"))
    await fleet.claim()
    await answer(fleet, await the_item(fleet, run_id), "PARALLELIZE")
    assert await claimed(fleet) == []
    item = await the_item(fleet, run_id)
    assert item.title.startswith("Task c means to change paths that b is at work on")
    await answer(fleet, item, "PARALLELIZE")
    assert await claimed(fleet) == ["c"]


async def test_no_more_is_asked_than_the_run_could_start(fleet: Fleet) -> None:
    tasks = [on(f"t{number:03}") for number in range(400)]
    run_id = await a_run(fleet, *tasks, on("free", "elsewhere"), max_workers=3)
    assert await claimed(fleet) == ["t000"]  # the free one comes too late in the plan to be looked at
    assert len(await asked(fleet, run_id)) == 3
    assert await claimed(fleet) == []
    assert len(await asked(fleet, run_id)) == 3
    await fleet.finish(run_id, "t000")
    assert await claimed(fleet) == ["t001"]
    assert len(await asked(fleet, run_id)) == 3


async def test_what_is_free_is_started_past_what_is_held_back(fleet: Fleet) -> None:
    tasks = [on(f"t{number:03}") for number in range(150)]
    await a_run(fleet, *tasks, on("free", "elsewhere"), "no paths", max_workers=3)
    assert await claimed(fleet) == ["t000", "free", "no"]


async def test_two_servers_that_look_at_once_ask_once(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"), on("c", "elsewhere"))
    begun = await asyncio.gather(*(fleet.claim() for _ in range(4)))
    assert sorted(len(workers) for workers in begun) == [0, 0, 0, 2]
    await the_item(fleet, run_id)


# ---------------------------------------------------------------- first tasks that do not just end


async def test_a_first_that_tries_again_keeps_the_second_waiting(fleet: Fleet) -> None:
    """Its work is half done, and it goes on in a moment."""
    run_id = await a_run(fleet, on("a", max_attempts=2), on("b"))
    await fleet.fail(run_id, "a")
    item = await the_item(fleet, run_id)
    assert await claimed(fleet) == []
    fleet.clock.advance(seconds=5)
    assert await claimed(fleet) == ["a"]
    assert (await the_item(fleet, run_id)).id == item.id


async def test_a_first_that_has_failed_for_good_holds_nobody(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    await fleet.fail(run_id, "a")
    assert await asked(fleet, run_id) == []
    assert await claimed(fleet) == ["b"]


async def test_where_the_first_is_blocked_the_run_waits_for_the_answer(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    await fleet.working(run_id, "a")
    await fleet.do(commands.tasks.block, task_id=(await fleet.task(run_id, "a")).id)
    run = await fleet.run(run_id)
    assert (run.status, run.status_reason) == (
        RunStatus.WAITING_FOR_INPUT,
        "1 task waits for paths that another is at work on: see the attention list.",
    )
    await answer(fleet, await the_item(fleet, run_id), "PARALLELIZE")
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE
    assert await claimed(fleet) == ["b"]


async def test_a_first_that_is_blocked_after_its_worker_has_ended_holds_nobody(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a", max_attempts=2), on("b"))
    await fleet.fail(run_id, "a")
    await fleet.do(commands.tasks.block, task_id=(await fleet.task(run_id, "a")).id)
    assert await asked(fleet, run_id) == []
    assert await claimed(fleet) == ["b"]
    await fleet.do(commands.tasks.unblock, task_id=(await fleet.task(run_id, "a")).id)
    fleet.clock.advance(seconds=5)
    assert await claimed(fleet) == []
    assert (await the_item(fleet, run_id)).title.startswith("Task a means to change paths that b")


async def test_where_the_first_asks_something_the_run_waits_for_both_answers(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    question = await fleet.asking(run_id, "a")
    run = await fleet.run(run_id)
    assert (run.status, run.open_attention) == (RunStatus.WAITING_FOR_INPUT, 2)
    assert run.status_reason == "2 tasks wait for an answer: see the attention list."
    await fleet.do(commands.attention.answer, item_id=question, answer="this")
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE


async def test_a_first_that_says_it_is_done_lets_go_although_its_worker_lives(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    await fleet.working(run_id, "a")
    await fleet.do(commands.tasks.complete, task_id=(await fleet.task(run_id, "a")).id)
    assert await claimed(fleet) == ["b"]


@pytest.mark.parametrize("policy", [ASK, SERIALIZE])
async def test_nobody_is_asked_about_or_made_to_wait_for_a_first_that_was_removed(
    fleet: Fleet, policy: ConflictPolicy
) -> None:
    """Its worker is not dead yet, and may still write; its task will never be done."""
    run_id = await a_run(fleet, on("a"), on("b"), policy=ASK)
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.dag.mutate, run_id=run_id, edits=[RemoveTask("a", kill_worker=True)])
    await configure(fleet, run_id, policy)
    assert await asked(fleet, run_id) == []
    assert await claimed(fleet) == []
    assert await needs(fleet, run_id) == {}
    await fleet.exit(worker, reason=ExitReason.KILLED)
    assert await claimed(fleet) == ["b"]


@pytest.mark.parametrize("edit", [EditTask("b", paths=["elsewhere"]), EditTask("a", paths=["elsewhere"])])
async def test_other_paths_settle_it(fleet: Fleet, edit: EditTask) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    await fleet.working(run_id, "a")
    await fleet.do(commands.dag.mutate, run_id=run_id, edits=[edit])
    assert await asked(fleet, run_id) == []
    assert await claimed(fleet) == ["b"]


async def test_a_run_that_is_stopped_asks_nothing_more(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    await fleet.working(run_id, "a")
    await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.NOW)
    assert await asked(fleet, run_id) == []


# ---------------------------------------------------------------- serialize


async def test_serialize_puts_them_in_a_line_of_one_edge_each(fleet: Fleet) -> None:
    keys = [f"t{number}" for number in range(6)]
    run_id = await a_run(fleet, *map(on, keys), policy=SERIALIZE, max_workers=9)
    before = (await fleet.run(run_id)).version
    assert await claimed(fleet) == ["t0"]
    assert await needs(fleet, run_id) == {key: [keys[number]] for number, key in enumerate(keys[1:])}
    assert (await fleet.run(run_id)).version == before  # nobody's command
    assert await asked(fleet, run_id) == []
    await fleet.finish(run_id, *keys)
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_in_a_line_only_who_has_to_waits(fleet: Fleet) -> None:
    plan = (on("a", "x"), on("b", "x", "y"), on("c", "y"), on("d", "x"))
    run_id = await a_run(fleet, *plan, policy=SERIALIZE)
    assert await claimed(fleet) == ["a", "c"]  # c starts beside a: b, which it meets, has not begun
    assert await needs(fleet, run_id) == {"b": ["a"], "d": ["b"]}


async def test_an_edge_that_would_close_a_circle_is_not_added_but_asked_about(fleet: Fleet) -> None:
    """a waited for b, was begun, and then b was retried: to have b wait for a would be a circle."""
    run_id = await a_run(fleet, on("b"), on("a", needs=["b"]), policy=SERIALIZE)
    await fleet.finish(run_id, "b")
    await fleet.working(run_id, "a")
    await fleet.do(commands.tasks.retry, task_id=(await fleet.task(run_id, "b")).id)
    assert await claimed(fleet) == []
    item = await the_item(fleet, run_id)
    assert item.options == ["PARALLELIZE", "SKIP"]
    assert await needs(fleet, run_id) == {"a": ["b"]}
    await configure(fleet, run_id, ASK)
    await configure(fleet, run_id, SERIALIZE)
    assert (await the_item(fleet, run_id)).id == item.id
    await fleet.finish(run_id, "a", "b")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_an_answer_that_would_close_a_circle_is_refused(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a", max_attempts=2), on("b"))
    await fleet.working(run_id, "a")
    item = await the_item(fleet, run_id)
    first, second = await fleet.db.read(commands.conflicts.claims.tasks_of, item)
    await fleet.db.write(_edge, first.id, second.id)  # as no verb does it
    refused = await fleet.refused(commands.attention.answer, item_id=item.id, answer="SERIALIZE")
    assert refused.code == ErrorCode.DAG_CYCLE
    assert (await fleet.item(item.id)).status == "OPEN"
    await fleet.db.write(store.tasks.remove_edges, first.id, second.id)
    await fleet.db.write(_shallow, first.id)


def _edge(tx: Any, first: str, second: str) -> None:
    one, other = store.tasks.get(tx, first), store.tasks.get(tx, second)
    store.tasks.add_edge(tx, one, other)
    one.depth = 1


def _shallow(tx: Any, first: str) -> None:
    store.tasks.get(tx, first).depth = 0


async def test_an_edge_that_a_person_takes_away_again_is_a_new_question(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    await fleet.working(run_id, "a")
    await answer(fleet, await the_item(fleet, run_id), "SERIALIZE")
    await fleet.do(commands.dag.mutate, run_id=run_id, edits=[RemoveDependency("b", "a")])
    assert await claimed(fleet) == []
    await the_item(fleet, run_id)


async def test_who_is_ordered_anyway_is_not_asked_about(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    await fleet.do(commands.dag.mutate, run_id=run_id, edits=[AddDependency("b", "a")])
    await fleet.finish(run_id, "a", "b")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


# ---------------------------------------------------------------- policies


async def test_under_allow_nothing_is_held_back(fleet: Fleet) -> None:
    await a_run(fleet, on("a"), on("b"), policy=ALLOW)
    assert await claimed(fleet) == ["a", "b"]


async def test_allow_settles_what_was_asked(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    await fleet.working(run_id, "a")
    await configure(fleet, run_id, ALLOW)
    assert await asked(fleet, run_id) == []
    assert await claimed(fleet) == ["b"]


async def test_serialize_turns_what_was_asked_into_edges(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"), on("c"))
    await fleet.working(run_id, "a")
    await configure(fleet, run_id, SERIALIZE)
    assert await asked(fleet, run_id) == []
    assert await needs(fleet, run_id) == {"b": ["a"], "c": ["a"]}


async def test_an_answer_stands_whatever_the_policy_is(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a"), on("b"))
    await fleet.working(run_id, "a")
    await answer(fleet, await the_item(fleet, run_id), "PARALLELIZE")
    await configure(fleet, run_id, SERIALIZE)
    assert await claimed(fleet) == ["b"]


async def test_other_runs_are_not_in_the_way(fleet: Fleet) -> None:
    await a_run(fleet, on("a"))
    await a_run(fleet, on("b"))
    assert await claimed(fleet) == ["a", "b"]


# ---------------------------------------------------------------- by hand


@pytest.mark.parametrize("policy", [ASK, SERIALIZE])
async def test_a_worker_that_is_started_by_hand_keeps_away_too(fleet: Fleet, policy: ConflictPolicy) -> None:
    run_id = await a_run(fleet, on("a"), on("b"), policy=policy, max_workers=1)
    await fleet.working(run_id, "a")
    arguments = {"run_id": run_id, "task_id": (await fleet.task(run_id, "b")).id}
    refused = await fleet.refused(commands.workers.spawn, **arguments)
    assert refused.code == ErrorCode.INVALID_TRANSITION
    assert refused.message == "Task b means to change paths that a is at work on."
    assert "ALLOW" in (refused.suggestion or "")
    await configure(fleet, run_id, ALLOW)
    await fleet.do(commands.workers.spawn, **arguments)


async def test_a_refused_hand_is_told_which_item_to_answer(fleet: Fleet) -> None:
    run_id = await a_run(fleet, on("a", max_attempts=2), on("b"))
    await fleet.fail(run_id, "a")  # between its attempts
    item = await the_item(fleet, run_id)
    arguments = {"run_id": run_id, "task_id": (await fleet.task(run_id, "b")).id}
    refused = await fleet.refused(commands.workers.spawn, **arguments)
    assert refused.suggestion == f"Wait for a, or answerAttention {item.id} with PARALLELIZE."
    await answer(fleet, item, "PARALLELIZE")
    await fleet.do(commands.workers.spawn, **arguments)
