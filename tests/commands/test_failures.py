"""Tasks that have finally failed are put to people, and what the answer does."""

import pytest

from app import commands, store
from app.commands import failures
from app.domain.reports import Exited, Line, Lines, LogStream
from app.domain.runs import RunStatus, Urgency
from app.domain.workers import ExitReason
from app.store.tables import AttentionRow
from tests.factories import a_plan, a_task
from tests.fleet import Fleet


async def items(fleet: Fleet, run_id: str) -> list[AttentionRow]:
    return sorted(await fleet.db.read(store.attention.open_of_run, run_id), key=lambda x: x.id)


async def answer(fleet: Fleet, item: AttentionRow, value: str) -> None:
    await fleet.do(commands.attention.answer, item_id=item.id, answer=value)


async def status(fleet: Fleet, item: AttentionRow) -> str:
    return (await fleet.item(item.id)).status


async def test_a_task_that_has_failed_for_good_is_put_to_people_with_the_end_of_its_log(fleet: Fleet) -> None:
    run_id = await fleet.a_run(plan=a_plan(a_task("a", max_attempts=2), "b < a"))
    await fleet.fail(run_id, "a")
    assert await items(fleet, run_id) == []  # it tries again
    fleet.clock.advance(seconds=5)
    worker = await fleet.working(run_id, "a")
    lines = [Line(LogStream.STDERR, f"line {n}", fleet.clock()) for n in range(9)]
    await fleet.report(worker, Lines(lines), Exited(ExitReason.EXITED, exit_code=3))
    (item,) = await items(fleet, run_id)
    assert (item.kind, item.title) == ("FAILURE", "Task a failed: The process ended with exit code 3.")
    assert (item.options, item.blocked_tasks) == (["RETRY", "SKIP"], 2)
    assert item.detail == (
        "a (Do a) has had 2 of 2 attempts. Its log ends with:\n\nline 4\nline 5\nline 6\nline 7\nline 8"
    )
    assert (await fleet.run(run_id)).status == RunStatus.FAILED  # as without the item


async def test_to_answer_retry_retries_the_task_and_with_it_the_run(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    await fleet.fail(run_id, "a")
    (item,) = await items(fleet, run_id)
    before = await fleet.run(run_id)
    await answer(fleet, item, "RETRY")
    after = await fleet.run(run_id)
    assert (after.status, after.open_attention, after.version) == (RunStatus.ACTIVE, 0, before.version + 1)
    await fleet.finish(run_id, "a", "b")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_to_answer_skip_goes_on_without_the_task(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b < a")
    await fleet.fail(run_id, "a")
    (item,) = await items(fleet, run_id)
    await answer(fleet, item, "SKIP")
    assert await fleet.statuses(run_id) == {"a": "SKIPPED", "b": "READY"}
    assert (await fleet.run(run_id)).status == RunStatus.ACTIVE


async def test_to_dismiss_it_changes_nothing(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    await fleet.fail(run_id, "a")
    (item,) = await items(fleet, run_id)
    await fleet.do(commands.attention.dismiss, item_id=item.id)
    assert await fleet.statuses(run_id) == {"a": "FAILED"}
    assert (await fleet.run(run_id)).status == RunStatus.FAILED
    assert await items(fleet, run_id) == []


async def test_who_fails_the_same_way_is_one_item_and_one_answer_is_for_all(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", "c", "d < b", max_workers=9)
    await fleet.fail(run_id, "a")
    await fleet.fail(run_id, "b")
    await fleet.fail(run_id, "c", code=2)
    same, other = await items(fleet, run_id)
    assert same.title == "Several tasks failed: The process ended with exit code 1."
    assert (same.detail or "").startswith("The first of them: a (Do a) has had 1 of 1 attempts.")
    assert (same.blocked_tasks, other.blocked_tasks) == (3, 1)
    await answer(fleet, same, "RETRY")
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "READY", "c": "FAILED", "d": "PENDING"}
    assert await status(fleet, other) == "OPEN"


async def test_an_answer_is_not_done_to_tasks_that_were_helped_meanwhile(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", max_workers=9)
    await fleet.fail(run_id, "a")
    await fleet.fail(run_id, "b")
    (item,) = await items(fleet, run_id)
    await fleet.do(commands.tasks.retry, task_id=(await fleet.task(run_id, "a")).id)
    await fleet.db.write(commands.attention.refresh)
    assert (await fleet.item(item.id)).blocked_tasks == 1
    await answer(fleet, item, "SKIP")
    assert await fleet.statuses(run_id) == {"a": "READY", "b": "SKIPPED"}


async def test_a_task_that_fails_again_is_asked_about_again(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a", "b", max_workers=9)
    await fleet.fail(run_id, "a")
    await fleet.fail(run_id, "b")
    (item,) = await items(fleet, run_id)
    await fleet.do(commands.tasks.retry, task_id=(await fleet.task(run_id, "a")).id)
    await fleet.fail(run_id, "a")
    assert [one.id for one in await items(fleet, run_id)] == [item.id]
    await answer(fleet, item, "RETRY")
    await fleet.fail(run_id, "a")
    (again,) = await items(fleet, run_id)
    assert again.id != item.id


@pytest.mark.parametrize("way", ["retry", "skip", "retry the run", "remove", "stop", "archive"])
async def test_an_item_goes_when_its_task_is_helped_another_way(fleet: Fleet, way: str) -> None:
    run_id = await fleet.a_run("a", "b", max_workers=1)
    await fleet.fail(run_id, "a")
    if way == "archive":
        await fleet.do(commands.tasks.block, task_id=(await fleet.task(run_id, "b")).id)
    (item,) = await items(fleet, run_id)
    task_id = (await fleet.task(run_id, "a")).id
    match way:
        case "retry":
            await fleet.do(commands.tasks.retry, task_id=task_id)
        case "skip":
            await fleet.do(commands.tasks.skip, task_id=task_id)
        case "retry the run":
            await fleet.do(commands.runs.retry, run_id=run_id)
        case "remove":
            edits = [commands.dag.RemoveTask("a")]
            await fleet.do(commands.dag.mutate, run_id=run_id, edits=edits)
        case "stop":
            await fleet.do(commands.runs.stop, run_id=run_id, mode=Urgency.DRAIN)
        case "archive":
            await fleet.do(commands.runs.archive, run_id=run_id)
    row = await fleet.item(item.id)
    assert (row.status, row.answered_by) == ("DISMISSED", None)


async def test_nothing_of_an_archived_run_comes_after_its_end(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    await fleet.fail(run_id, "a")
    await fleet.do(commands.runs.archive, run_id=run_id)
    of_run = [event.kind for event in await fleet.events() if event.run_id == run_id]
    ended = [kind for kind in of_run if kind in ("AttentionClosed", "RunStatusChanged")]
    assert ended[-2:] == ["AttentionClosed", "RunStatusChanged"]


async def test_failures_of_many_kinds_are_few_items(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "MOST_OPEN", 2)
    run_id = await fleet.a_run(*"abcd", max_workers=4)
    for code, key in enumerate("abcd", 1):
        await fleet.fail(run_id, key, code=code)
    *_, more = found = await items(fleet, run_id)
    assert len(found) == 3
    assert more.title == (
        "More tasks failed, each in another way, c first: The process ended with exit code 3."
    )
    assert more.blocked_tasks == 2
    await answer(fleet, more, "SKIP")
    assert await fleet.statuses(run_id) == {"a": "FAILED", "b": "FAILED", "c": "SKIPPED", "d": "SKIPPED"}


async def test_ever_so_many_failures_of_one_kind_are_one_item(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "COUNTED_AT_ONCE", 3)
    run_id = await fleet.a_run(*"abcdef", max_workers=6)
    for key in "abcdef":
        await fleet.fail(run_id, key)
    (item,) = await items(fleet, run_id)
    assert item.blocked_tasks == 3  # from there on the count of every second is enough
    await fleet.db.write(commands.attention.refresh)
    assert (await fleet.item(item.id)).blocked_tasks == 6
    shown = await fleet.db.read(store.attention.tasks_of, [item.id], most=4)
    assert [task.key for task in shown[item.id]] == ["a", "b", "c", "d"]
