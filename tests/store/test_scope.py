"""Nothing of another project is found, by whatever way it is asked for."""

from collections.abc import Callable
from typing import Any

import pytest

from app import commands, store
from app.commands.context import Item
from app.domain.access import Role
from app.domain.errors import AppError, ErrorCode
from app.domain.runs import Urgency
from app.store.db import Database, Tx
from tests.factories import OPERATOR, an_actor
from tests.fleet import Fleet

Ids = dict[str, str]
NOUNS: dict[str, Any] = {
    "project": store.projects,
    "run": store.runs,
    "task": store.tasks,
    "worker": store.workers,
    "attention": store.attention,
    "command": store.commands,
    "phase": store.phases,
    "context": store.context,
    "token": store.tokens,
}
GETTERS = ["project", "run", "task", "worker", "attention", "command"]
FINDERS = ["project", "run", "task", "worker", "attention"]
LISTS = ["project", "run", "worker", "attention", "command", "token"]
LOCKS = ["run", "task", "worker", "attention", "token"]


async def everything(fleet: Fleet, name: str) -> Ids:
    """One of every noun, in a project of its own."""
    project = await fleet.a_project(name)
    run = await fleet.a_run("task", project_id=project)
    item = await fleet.asking(run, "task")
    task = await fleet.task(run, "task")
    assert task.worker_id is not None
    given = await fleet.do(
        commands.context.inject, items=[Item("TEXT", "hello", 1)], worker_id=task.worker_id
    )
    made = await fleet.do(
        commands.tokens.create,
        maker=OPERATOR,
        name=name,
        role=Role.VIEWER,
        digest=name,
        project_id=project,
    )
    return {
        "token": made.refs["token"],
        "project": project,
        "run": run,
        "task": task.id,
        "phase": task.phase_id,
        "worker": task.worker_id,
        "attention": item,
        "context": given.refs["items"][0],
        "command": given.command_id,
    }


@pytest.fixture
async def ours(fleet: Fleet) -> Ids:
    return await everything(fleet, "ours")


@pytest.fixture
async def theirs(fleet: Fleet, ours: Ids) -> Ids:
    return await everything(fleet, "theirs")


def within(project_id: str | None, function: Callable[..., Any]) -> Callable[..., Any]:
    def scoped(tx: Tx, *args: Any, **kwargs: Any) -> Any:
        tx.scope = project_id
        return function(tx, *args, **kwargs)

    return scoped


async def refusal(db: Database, get: Callable[..., Any], wanted: str) -> AppError:
    with pytest.raises(AppError) as refused:
        await db.read(get, wanted)
    return refused.value


async def test_get_knows_only_what_is_ours_and_does_not_tell_hidden_from_missing(
    db: Database, ours: Ids, theirs: Ids
) -> None:
    for noun in GETTERS:
        get = within(ours["project"], NOUNS[noun].get)
        assert (await db.read(get, ours[noun])).id == ours[noun]
        hidden, missing = await refusal(db, get, theirs[noun]), await refusal(db, get, "none_1")
        assert hidden.code is missing.code is ErrorCode.NOT_FOUND, noun
        assert hidden.message.replace(theirs[noun], "none_1") == missing.message
        assert hidden.suggestion == missing.suggestion


async def test_find_knows_only_what_is_ours(db: Database, ours: Ids, theirs: Ids) -> None:
    for noun in FINDERS:
        find = within(ours["project"], NOUNS[noun].find)
        assert await db.read(find, ours[noun]) is not None, noun
        assert await db.read(find, theirs[noun]) is None, noun


async def test_lock_knows_only_what_is_ours(db: Database, ours: Ids, theirs: Ids) -> None:
    for noun in LOCKS:
        lock = within(ours["project"], NOUNS[noun].lock)
        await db.write(lock, ours[noun])
        with pytest.raises(AppError) as refused:
            await db.write(lock, theirs[noun])
        assert refused.value.code is ErrorCode.NOT_FOUND, noun


async def test_by_ids_knows_only_what_is_ours(db: Database, ours: Ids, theirs: Ids) -> None:
    for noun, module in NOUNS.items():
        wanted = [theirs[noun], ours[noun], "none_1"]
        assert set(await db.read(within(ours["project"], module.by_ids), wanted)) == {ours[noun]}, noun
        assert set(await db.read(within(None, module.by_ids), wanted)) == {ours[noun], theirs[noun]}, noun


async def test_select_all_knows_only_what_is_ours(db: Database, ours: Ids, theirs: Ids) -> None:
    for noun in LISTS:
        module = NOUNS[noun]

        def every(tx: Tx, module: Any = module) -> tuple[set[str], int]:
            query = module.select_all(tx)
            return {row.id for row in tx.session.exec(query).all()}, store.paging.count(tx, query)

        seen, counted = await db.read(within(ours["project"], every))
        assert ours[noun] in seen
        assert theirs[noun] not in seen, noun
        assert counted == len(seen)
        assert {ours[noun], theirs[noun]} <= (await db.read(within(None, every)))[0]


FILTERS: list[tuple[str, Callable[[Ids], Any]]] = [
    ("run", lambda ids: store.runs.RunFilter(project_id=ids["project"])),
    ("run", lambda ids: store.runs.RunFilter(search=ids["run"])),
    ("worker", lambda ids: store.workers.WorkerFilter(project_id=ids["project"])),
    ("worker", lambda ids: store.workers.WorkerFilter(run_id=ids["run"], task_id=ids["task"])),
    ("worker", lambda ids: store.workers.WorkerFilter(search=ids["worker"], runtime="command")),
    ("attention", lambda ids: store.attention.AttentionFilter(project_id=ids["project"], kinds=["QUESTION"])),
    ("attention", lambda ids: store.attention.AttentionFilter(run_id=ids["run"], statuses=["OPEN"])),
    ("command", lambda ids: store.commands.CommandFilter(project_id=ids["project"])),
    ("command", lambda ids: store.commands.CommandFilter(run_id=ids["run"], verbs=["injectContext"])),
    ("command", lambda ids: store.commands.CommandFilter(worker_id=ids["worker"], task_id=ids["task"])),
]


async def test_no_filter_reaches_past_the_project(db: Database, ours: Ids, theirs: Ids) -> None:
    for noun, only in FILTERS:
        module = NOUNS[noun]

        def matching(tx: Tx, wanted: Any, module: Any = module) -> set[str]:
            return {row.id for row in tx.session.exec(module.select_all(tx, wanted)).all()}

        inside = within(ours["project"], matching)
        assert ours[noun] in await db.read(inside, only(ours)), only(ours)
        assert await db.read(inside, only(theirs)) == set()
        everywhere = await db.read(within(None, matching), only(theirs))
        assert theirs[noun] in everywhere
        assert ours[noun] not in everywhere


VERBS: list[tuple[Callable[..., Any], Callable[[Ids], dict[str, Any]]]] = [
    (commands.runs.configure, lambda ids: {"run_id": ids["run"], "max_workers": 9}),
    (commands.dag.mutate, lambda ids: {"run_id": ids["run"], "edits": []}),
    (commands.attention.answer, lambda ids: {"item_id": ids["attention"], "answer": "yes"}),
    (commands.attention.ask, lambda ids: {"run_id": ids["run"], "question": "May I?"}),
    (commands.workers.spawn, lambda ids: {"run_id": ids["run"]}),
    (commands.context.inject, lambda ids: {"run_id": ids["run"], "items": []}),
    (commands.workers.kill, lambda ids: {"worker_id": ids["worker"]}),
    (commands.tasks.complete, lambda ids: {"task_id": ids["task"]}),
    (commands.runs.stop, lambda ids: {"run_id": ids["run"], "mode": Urgency.NOW}),
]


async def test_no_verb_reaches_past_the_project(fleet: Fleet, ours: Ids, theirs: Ids) -> None:
    us = an_actor(project_id=ours["project"])
    for change, arguments in VERBS:
        refused = await fleet.refused(change, by=us, **arguments(theirs))
        assert refused.code is ErrorCode.NOT_FOUND, change
        await fleet.do(change, by=us, **arguments(ours))


async def test_a_verb_cannot_mix_what_is_ours_with_what_is_theirs(
    fleet: Fleet, ours: Ids, theirs: Ids
) -> None:
    us = an_actor(project_id=ours["project"])
    for mixed in ({"worker_id": theirs["worker"]}, {"task_id": theirs["task"]}):
        refused = await fleet.refused(
            commands.attention.ask, by=us, run_id=ours["run"], question="May I?", **mixed
        )
        assert refused.code is ErrorCode.NOT_FOUND
    refused = await fleet.refused(commands.workers.spawn, by=us, run_id=ours["run"], task_id=theirs["task"])
    assert refused.code is ErrorCode.NOT_FOUND
