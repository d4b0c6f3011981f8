"""The same things done by many at the same time."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from app import commands, store
from app.domain.access import Actor, Role
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.reports import Exited, Report, Started
from app.domain.runs import Patience, RunStatus, Urgency
from app.domain.supervisors import SupervisorState
from app.domain.workers import ExitReason
from app.store.db import Tx
from app.store.tables import RunRow
from tests import invariants
from tests.conftest import Clock
from tests.factories import an_actor
from tests.fleet import Fleet

THREADS = 20


async def in_threads(act: Callable[[int], Awaitable[Any]]) -> list[Any]:
    """Twenty times, each in a thread and an event loop of its own, all released together."""
    together = threading.Barrier(THREADS)

    async def go(number: int) -> Any:
        try:
            return await act(number)
        except AppError as error:
            return error

    def one(number: int) -> Any:
        together.wait(20)
        return asyncio.run(go(number))

    with ThreadPoolExecutor(THREADS) as threads:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(threads, one, n) for n in range(THREADS)))


async def test_twenty_requests_with_one_key_have_one_effect(fleet: Fleet) -> None:
    async def act(_: int) -> Any:
        return await fleet.do(commands.projects.create, key="k", name="one", root="/")

    answers = await in_threads(act)
    assert len({answer.command_id for answer in answers}) == 1
    assert len({answer.refs["project"] for answer in answers}) == 1
    assert len(await fleet.all_commands()) == 1
    assert len(await fleet.events()) == 1


async def test_of_twenty_different_requests_with_one_key_one_is_done(fleet: Fleet) -> None:
    async def act(number: int) -> Any:
        return await fleet.do(commands.projects.create, key="k", name=f"n{number}", root="/")

    answers = await in_threads(act)
    refusals = [answer for answer in answers if isinstance(answer, AppError)]
    assert {refusal.code for refusal in refusals} == {ErrorCode.IDEMPOTENCY_MISMATCH}
    assert len(refusals) == THREADS - 1
    assert len(await fleet.all_commands()) == 1


async def test_of_a_hundred_who_saw_the_same_version_one_wins(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    version = (await fleet.run(run_id)).version
    answers = await asyncio.gather(
        *(
            fleet.do(commands.runs.pause, run_id=run_id, mode=Urgency.DRAIN, expected_version=version)
            for _ in range(100)
        ),
        return_exceptions=True,
    )
    refusals = [answer for answer in answers if isinstance(answer, AppError)]
    assert len(refusals) == 99
    assert {refusal.code for refusal in refusals} == {ErrorCode.VERSION_CONFLICT}
    assert {refusal.details["actual"] for refusal in refusals} == {version + 1}
    run = await fleet.run(run_id)
    assert (run.status, run.version) == (RunStatus.PAUSED, version + 1)


async def test_workers_that_end_together_are_all_counted(fleet: Fleet) -> None:
    keys = [f"t{number}" for number in range(24)]
    run_id = await fleet.a_run(*keys, f"last < {' '.join(keys)}", max_workers=30)
    workers = await fleet.claim()
    assert len(workers) == len(keys)
    reports = [
        Report(1, fleet.clock(), Started(1, 1.0)),
        Report(2, fleet.clock(), Exited(ExitReason.EXITED, exit_code=0)),
    ]
    await asyncio.gather(*(fleet.send(worker, 1, *reports) for worker in workers))
    run = await fleet.run(run_id)
    assert (run.completed, run.live_workers, run.ready) == (24, 0, 1)
    await fleet.finish(run_id, "last")
    assert (await fleet.run(run_id)).status == RunStatus.COMPLETED


async def test_the_same_report_sent_by_many_is_taken_once(fleet: Fleet) -> None:
    await fleet.a_run("a")
    (worker,) = await fleet.claim()
    reports = [Report(1, fleet.clock(), Started(1, 1.0))]
    assert await asyncio.gather(*(fleet.send(worker, 1, *reports) for _ in range(10))) == [1] * 10
    row = await fleet.worker(worker)
    assert (row.status, row.reports) == ("RUNNING", 1)


async def test_schedulers_that_claim_together_give_each_task_to_one_worker(fleet: Fleet) -> None:
    for _ in range(3):
        await fleet.a_run(*(f"t{number}" for number in range(5)), max_workers=3)
    claims = await asyncio.gather(*(fleet.claim() for _ in range(8)))
    workers = [worker for claim in claims for worker in claim]
    assert len(workers) == len(set(workers)) == 9


async def test_a_directory_made_known_by_many_is_one_project(fleet: Fleet) -> None:
    made = await asyncio.gather(
        *(fleet.do(commands.projects.create, name=f"n{number}", root="/srv/one") for number in range(8))
    )
    assert len({receipt.refs["project"] for receipt in made}) == 1


async def test_the_same_question_asked_together_is_one_item(fleet: Fleet) -> None:
    keys = [f"t{number}" for number in range(8)]
    run_id = await fleet.a_run(*keys, max_workers=8)
    workers = [await fleet.working(run_id, key) for key in keys]
    receipts = await asyncio.gather(
        *(
            fleet.do(commands.attention.ask, run_id=run_id, worker_id=worker, question="Which?")
            for worker in workers
        )
    )
    (item,) = {receipt.refs["item"] for receipt in receipts}
    assert (await fleet.run(run_id)).open_attention == 1
    answers = await asyncio.gather(
        *(fleet.do(commands.attention.answer, item_id=item, answer=number) for number in range(8)),
        return_exceptions=True,
    )
    refusals = [answer for answer in answers if isinstance(answer, AppError)]
    assert [refusal.code for refusal in refusals] == [ErrorCode.ALREADY_ANSWERED] * 7
    assert set((await fleet.statuses(run_id)).values()) == {"RUNNING"}


async def test_edits_and_ends_at_the_same_time_leave_the_graph_whole(fleet: Fleet) -> None:
    keys = [f"t{number}" for number in range(8)]
    run_id = await fleet.a_run(*keys, max_workers=8)
    workers = [await fleet.working(run_id, key) for key in keys]
    edits = [
        fleet.do(
            commands.dag.mutate,
            run_id=run_id,
            edits=[commands.dag.AddTask(f"new-{key}", "New", depends_on=[key])],
        )
        for key in keys
    ]
    await asyncio.gather(*edits, *(fleet.exit(worker) for worker in workers))
    statuses = await fleet.statuses(run_id)
    assert all(statuses[f"new-{key}"] == "READY" for key in keys)


@pytest.mark.postgres
async def test_without_the_lock_on_the_run_an_end_is_not_counted(
    postgresql_db: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flawed variant: both look at the run before either has changed it."""
    fleet = Fleet(postgresql_db, clock)
    run_id = await fleet.a_run("a", "b", "c")
    workers = await fleet.claim()
    together = threading.Barrier(2)

    def look_only(tx: Tx, wanted: str, *, version: int | None = None) -> RunRow:
        run = store.runs.get(tx, wanted)
        together.wait(10)
        return run

    with monkeypatch.context() as flaw:
        flaw.setattr(store.runs, "lock", look_only)
        report = Report(1, clock(), Exited(ExitReason.EXITED, exit_code=0))
        await asyncio.gather(*(fleet.send(worker, 1, report) for worker in workers[:2]))
    with pytest.raises(AssertionError, match="counts"):
        await postgresql_db.read(invariants.check)
    assert (await fleet.run(run_id)).live_workers == 2  # one was forgotten


def until_somebody_waits(url: str) -> None:
    """For a row that is locked."""
    with psycopg.connect(url, autocommit=True) as connection:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        assert any(connection.execute(waiting).fetchall() != [(0,)] for _ in range(100_000)), "nobody waits"


async def overtaken(fleet: Fleet) -> Any:
    """An agent that looks after a run has a task skipped while it is given up; what becomes of its request."""
    run_id = await fleet.a_run("a")
    agent = an_actor(Role.ORCHESTRATOR, run_id=run_id)
    await fleet.db.write(commands.supervisors.beat, actor=agent, run_id=run_id, state=SupervisorState.WORKING)
    supervisor = await fleet.db.read(store.supervisors.of_run, run_id)
    given_up = threading.Event()

    def give_up(tx: Tx) -> None:
        run, supervisor = store.supervisors.lock(tx, run_id)
        commands.supervision.put(tx, run, supervisor, SupervisorState.INTERRUPTED)
        tx.session.flush()
        given_up.set()
        until_somebody_waits(fleet.db.url)

    assert supervisor.agent == agent.id
    late = asyncio.ensure_future(fleet.db.write(give_up))
    assert await asyncio.to_thread(given_up.wait, 10)
    task = await fleet.task(run_id, "a")
    try:
        async with asyncio.timeout(30):
            await fleet.do(commands.tasks.skip, by=agent, task_id=task.id)
    except AppError as error:
        return error.code
    finally:
        await late
    return (await fleet.task(run_id, "a")).status


@pytest.mark.postgres
async def test_an_agent_that_is_given_up_while_its_request_waits_changes_nothing(
    postgresql_db: Any, clock: Clock
) -> None:
    """Its successor would not know of it."""
    assert await overtaken(Fleet(postgresql_db, clock)) == ErrorCode.SUPERVISOR_DEAD


@pytest.mark.postgres
async def test_the_flaw_of_looking_at_the_agent_before_the_lock_is_caught(
    postgresql_db: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor_of = commands.audit._supervisor
    lock = store.runs.lock

    def unlocked(tx: Tx, actor: Actor) -> Any:
        with monkeypatch.context() as flaw:
            flaw.setattr(store.runs, "lock", store.runs.get)
            found = supervisor_of(tx, actor)
        assert store.runs.lock is lock
        return found

    monkeypatch.setattr(commands.audit, "_supervisor", unlocked)
    assert await overtaken(Fleet(postgresql_db, clock)) == "SKIPPED"


@pytest.mark.postgres
async def test_a_run_that_ends_while_it_is_found_to_be_stale_is_not_announced(
    postgresql_db: Any, clock: Clock
) -> None:
    """Nothing of a run comes after its end."""
    fleet = Fleet(postgresql_db, clock)
    run_id = await fleet.a_run("a")
    await fleet.working(run_id, "a")
    clock.advance(hours=1)
    ended = threading.Event()

    def end(tx: Tx) -> None:
        (worker,) = store.workers.live(tx, run_id=run_id)
        report = Report(worker.reports + 1, clock(), Exited(ExitReason.EXITED, exit_code=0))
        commands.reports.take(tx, worker_id=worker.id, fence=1, reports=[report])
        tx.session.flush()
        ended.set()
        until_somebody_waits(fleet.db.url)

    ending = asyncio.ensure_future(fleet.db.write(end))
    assert await asyncio.to_thread(ended.wait, 10)
    assert await fleet.db.write(commands.runs.announce_stale, Patience()) == 0
    await ending
    assert (await fleet.events())[-1].kind == EventKind.RUN_STATUS_CHANGED
