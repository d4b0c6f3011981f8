"""Files and text for workers: who gets them, and what becomes of the request."""

import pytest

from app import commands, store
from app.commands.audit import Receipt
from app.commands.context import Item
from app.domain.errors import ErrorCode
from app.domain.events import EventKind
from app.domain.reports import Delivered, Seen
from app.domain.workers import ExitReason
from tests.factories import a_task
from tests.fleet import Fleet

TEXT = Item("TEXT", "hello", 1)
FILE = Item("FILE", "content", 2, path="src/a.py")


async def inject(fleet: Fleet, *items: Item, **target: str) -> Receipt:
    return await fleet.do(commands.context.inject, items=list(items), **target)


async def state(fleet: Fleet, receipt: Receipt) -> str:
    return (await fleet.command(receipt)).status


async def lose(fleet: Fleet, worker_id: str, fence: int = 1) -> None:
    await fleet.db.write(commands.reports.lose, worker_id=worker_id, fence=fence, reason="It was silent.")
    fleet.clock.advance(minutes=1)


async def test_each_item_has_a_receipt_and_the_request_is_effective_with_the_last(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    given = await inject(fleet, TEXT, FILE, worker_id=worker)
    assert (await fleet.worker(worker)).revision == 2
    first, second = await fleet.context(worker)
    assert [first.id, second.id] == given.refs["items"]
    assert (second.kind, second.path, second.content, second.tokens) == ("FILE", "src/a.py", "content", 2)
    await fleet.db.write(commands.reports.note_sent, worker_id=worker, revision=2)
    assert await state(fleet, given) == "DELIVERED"
    await fleet.report(worker, Seen(2), Delivered([first.id]))
    assert await state(fleet, given) == "ACKNOWLEDGED"
    fleet.clock.advance(seconds=5)
    await fleet.report(worker, Delivered([second.id]))
    assert await state(fleet, given) == "EFFECTIVE"
    items = await fleet.context(worker)
    assert [item.delivered_at is not None for item in items] == [True, True]
    await fleet.report(worker, Delivered(given.refs["items"]))
    assert [item.delivered_at for item in await fleet.context(worker)] == [
        item.delivered_at for item in items
    ]
    (event,) = await fleet.events(EventKind.CONTEXT_INJECTED)
    assert (event.worker_id, event.data["items"]) == (worker, given.refs["items"])


async def test_a_task_without_a_worker_keeps_it_for_the_next(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    task = await fleet.task(run_id, "b")
    given = await inject(fleet, TEXT, task_id=task.id)
    await fleet.finish(run_id, "a")
    (worker,) = await fleet.claim()
    assert [item.id for item in await fleet.context(worker)] == given.refs["items"]
    await fleet.up(worker)
    await fleet.report(worker, Delivered(given.refs["items"]))
    assert await state(fleet, given) == "EFFECTIVE"


async def test_a_task_with_a_worker_hands_it_on(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    (worker,) = await fleet.claim()
    given = await inject(fleet, TEXT, task_id=(await fleet.task(run_id, "a")).id)
    assert [item.id for item in await fleet.context(worker)] == given.refs["items"]


async def test_a_run_gives_each_of_its_workers_a_copy(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    workers = [await fleet.working(run_id, key) for key in ("a", "b")]
    given = await inject(fleet, TEXT, FILE, run_id=run_id)
    assert len(given.refs["items"]) == 4
    for worker in workers:
        items = await fleet.context(worker)
        assert [item.kind for item in items] == ["TEXT", "FILE"]
        assert await state(fleet, given) == "REQUESTED"
        await fleet.report(worker, Delivered([item.id for item in items]))
    assert await state(fleet, given) == "EFFECTIVE"


async def test_what_a_worker_did_not_get_waits_for_the_one_after_it(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    worker = await fleet.working(run_id, "a")
    given = await inject(fleet, TEXT, FILE, worker_id=worker)
    got, missed = given.refs["items"]
    await fleet.report(worker, Delivered([got]))
    await lose(fleet, worker)
    assert await state(fleet, given) == "REQUESTED"
    follower = await fleet.working(run_id, "a")
    assert [item.id for item in await fleet.context(follower)] == [missed]
    assert [item.id for item in await fleet.context(worker)] == [got]
    await fleet.report(follower, Delivered([missed]))
    assert await state(fleet, given) == "EFFECTIVE"


async def test_what_was_given_to_the_whole_run_is_kept_for_the_task_too(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    worker = await fleet.working(run_id, "a")
    given = await inject(fleet, TEXT, run_id=run_id)
    await lose(fleet, worker)
    follower = await fleet.working(run_id, "a")
    await fleet.report(follower, Delivered(given.refs["items"]))
    assert await state(fleet, given) == "EFFECTIVE"


async def test_a_blocked_task_keeps_what_its_killed_worker_did_not_get(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    task = await fleet.task(run_id, "a")
    given = await inject(fleet, TEXT, worker_id=worker)
    await fleet.do(commands.tasks.block, task_id=task.id)
    await lose(fleet, worker)
    await fleet.do(commands.tasks.unblock, task_id=task.id)
    follower = await fleet.working(run_id, "a")
    assert [item.id for item in await fleet.context(follower)] == given.refs["items"]


async def test_what_can_reach_nobody_any_more_has_expired(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    workers = [await fleet.working(run_id, key) for key in ("a", "b")]
    to_one = await inject(fleet, TEXT, worker_id=workers[0])
    to_all = await inject(fleet, TEXT, run_id=run_id)
    await fleet.exit(workers[0])
    assert [await state(fleet, given) for given in (to_one, to_all)] == ["EXPIRED", "EXPIRED"]
    items = [item.id for item in await fleet.context(workers[1])]
    await fleet.report(workers[1], Delivered(items))
    assert await state(fleet, to_all) == "EXPIRED"
    assert (await fleet.context(workers[1]))[0].delivered_at is not None


async def test_what_has_ended_is_given_nothing(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b")
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.workers.kill, worker_id=worker)
    refused = await fleet.refused(commands.context.inject, items=[TEXT], worker_id=worker)
    assert refused.code is ErrorCode.INVALID_TRANSITION
    await fleet.exit(worker, reason=ExitReason.KILLED)
    (other,) = [one.id for one in await fleet.live(run_id)]
    await fleet.do(commands.tasks.complete, task_id=(await fleet.task(run_id, "b")).id)
    await fleet.exit(await fleet.up(other))
    for target in (
        {"run_id": run_id},
        {"task_id": (await fleet.task(run_id, "b")).id},
        {"worker_id": worker},
    ):
        refused = await fleet.refused(commands.context.inject, items=[TEXT], **target)
        assert refused.code is ErrorCode.INVALID_TRANSITION


async def test_a_runtime_that_takes_nothing_is_given_nothing(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", runtime={"kind": "mystery"})
    worker = await fleet.working(run_id, "a")
    refused = await fleet.refused(commands.context.inject, items=[TEXT], worker_id=worker)
    assert refused.code is ErrorCode.NOT_SUPPORTED_BY_RUNTIME


async def test_what_does_not_fit_into_one_message_follows_when_the_first_part_is_delivered(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.orders, "INBOX_CHARACTERS", 10)
    run_id = await fleet.a_run("a")
    worker_id = await fleet.working(run_id, "a")
    receipt = await fleet.do(
        commands.context.inject, worker_id=worker_id, items=[Item("TEXT", "x" * 6, 2) for _ in range(3)]
    )
    sent: list[str] = []
    revisions: list[int] = []
    while (orders := (await fleet.db.read(store.orders.read, worker_id, 1))[1]).inbox:
        assert len(orders.inbox) == 1
        sent += [item.id for item in orders.inbox]
        revisions.append(orders.revision)
        await fleet.report(worker_id, Delivered([item.id for item in orders.inbox]))
    assert sent == receipt.refs["items"]
    assert revisions == sorted(set(revisions))
    assert (await fleet.command(receipt)).status == "EFFECTIVE"
