"""Permissions that agents ask for through their runners: put to people as questions are, answered with the orders."""

from typing import Any

import pytest

from app import commands, store
from app.domain import limits
from app.domain.reports import Answered, Asked, Exited, Paused
from app.domain.workers import Desire, ExitReason
from app.store.tables import AttentionRow
from tests.factories import a_task
from tests.fleet import Fleet

OPTIONS = ("Allow", "Always allow", "Reject")


def wish(request: str = "1", title: str = "execute: make", detail: str | None = "make all") -> Asked:
    return Asked(request, title, detail, OPTIONS)


async def asking(fleet: Fleet, run_id: str, key: str, *wishes: Asked) -> str:
    worker = await fleet.working(run_id, key)
    await fleet.report(worker, *(wishes or (wish(),)))
    return worker


async def items(fleet: Fleet, run_id: str) -> list[AttentionRow]:
    return list(await fleet.db.read(store.attention.open_of_run, run_id))


async def answers(fleet: Fleet, worker: str) -> list[tuple[str, Any]]:
    fence = (await fleet.worker(worker)).fence
    _, orders = await fleet.db.read(store.orders.read, worker, fence)
    return list(orders.answers)


async def settle(fleet: Fleet, item: AttentionRow, answer: str | None) -> None:
    if answer is None:
        await fleet.do(commands.attention.dismiss, item_id=item.id)
    else:
        await fleet.do(commands.attention.answer, item_id=item.id, answer=answer)


@pytest.mark.parametrize("answer", ["Allow", "Reject", None])
async def test_who_asks_waits_and_hears_with_its_orders(fleet: Fleet, answer: str | None) -> None:
    run_id = await fleet.a_run("a")
    worker = await asking(fleet, run_id, "a")
    (item,) = await items(fleet, run_id)
    assert (item.kind, item.title, item.detail) == ("PERMISSION", "execute: make", "make all")
    assert item.options == list(OPTIONS)
    assert (await fleet.worker(worker)).status == "WAITING_FOR_INPUT"
    assert await fleet.statuses(run_id) == {"a": "WAITING_FOR_INPUT"}
    assert await answers(fleet, worker) == []
    before = (await fleet.worker(worker)).revision
    await settle(fleet, item, answer)
    row = await fleet.worker(worker)
    assert (row.status, row.revision > before) == ("RUNNING", True)
    assert await fleet.statuses(run_id) == {"a": "RUNNING"}
    assert await answers(fleet, worker) == [("1", answer)]
    await fleet.report(worker, Answered(["1"]))
    assert await answers(fleet, worker) == []


async def test_one_answer_is_for_all_who_ask_the_very_same(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", "c")
    same = [await asking(fleet, run_id, key) for key in ("a", "b")]
    other = await asking(fleet, run_id, "c", wish(detail="make rubbish"))
    first, second = sorted(await items(fleet, run_id), key=lambda item: item.id)
    await settle(fleet, first, "Allow")
    assert [await answers(fleet, worker) for worker in same] == [[("1", "Allow")]] * 2
    assert await answers(fleet, other) == []
    assert second.title == first.title
    assert (await fleet.worker(other)).status == "WAITING_FOR_INPUT"


async def test_a_question_in_the_same_words_is_another_item(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    await fleet.asking(run_id, "a", "execute: make", detail="make all", options=list(OPTIONS))
    await fleet.report(str((await fleet.task(run_id, "a")).worker_id), wish())
    assert sorted(item.kind for item in await items(fleet, run_id)) == ["PERMISSION", "QUESTION"]


async def test_two_requests_at_once_are_answered_one_by_one(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await asking(fleet, run_id, "a", wish("1", "first"), wish("2", "second"))
    first, second = sorted(await items(fleet, run_id), key=lambda item: item.title)
    await settle(fleet, second, "Reject")
    assert await answers(fleet, worker) == [("2", "Reject")]
    assert (await fleet.worker(worker)).status == "WAITING_FOR_INPUT"
    await settle(fleet, first, "Allow")
    assert sorted(await answers(fleet, worker)) == [("1", "Allow"), ("2", "Reject")]


async def test_once_is_once(fleet: Fleet) -> None:
    """The same agent asks the same again: people are asked again."""
    run_id = await fleet.a_run("a")
    worker = await asking(fleet, run_id, "a")
    (item,) = await items(fleet, run_id)
    await settle(fleet, item, "Allow")
    await fleet.report(worker, Answered(["1"]), wish("2"))
    assert len(await items(fleet, run_id)) == 1
    assert (await fleet.worker(worker)).status == "WAITING_FOR_INPUT"


async def test_an_attempt_that_asks_again_is_given_the_answer(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=3))
    worker = await asking(fleet, run_id, "a")
    (item,) = await items(fleet, run_id)
    await settle(fleet, item, "Allow")
    await fleet.exit(worker, 1)
    fleet.clock.advance(minutes=5)
    again = await asking(fleet, run_id, "a")
    assert again != worker
    assert await answers(fleet, again) == [("1", "Allow")]
    assert (await fleet.worker(again)).status == "RUNNING"


async def test_an_answer_reaches_a_paused_worker_too(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await asking(fleet, run_id, "a")
    await fleet.do(commands.workers.pause, worker_id=worker)
    await fleet.report(worker, Paused())
    (item,) = await items(fleet, run_id)
    before = (await fleet.worker(worker)).revision
    await settle(fleet, item, "Allow")
    row = await fleet.worker(worker)
    assert (row.status, row.revision > before) == ("PAUSED", True)
    assert await answers(fleet, worker) == [("1", "Allow")]


async def test_who_is_being_killed_is_answered_by_nobody(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.workers.kill, worker_id=worker)
    await fleet.report(worker, wish())
    assert await items(fleet, run_id) == []
    assert await answers(fleet, worker) == [("1", None)]


async def test_nothing_is_left_of_a_worker_that_is_over(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await asking(fleet, run_id, "a")
    await fleet.report(worker, Exited(ExitReason.FAILED, message="It broke."))
    row = await fleet.worker(worker)
    assert (row.asking, row.desire) == ({}, Desire.RUN)
    assert [item.kind for item in await items(fleet, run_id)] == ["FAILURE"]


async def test_what_is_too_long_or_unstorable_is_cut(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    told = Asked("1", "\0" * limits.TITLE * 2, "x" * (limits.TEXT + 1), ["y" * 1000])
    await asking(fleet, run_id, "a", told)
    (item,) = await items(fleet, run_id)
    assert (len(item.title), len(item.detail or ""), len(item.options[0])) == (
        limits.TITLE,
        limits.TEXT,
        limits.NAME,
    )
