"""The loop around the duties: woken by commits, not ended by failures, gone when it is told to go."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from app import commands, store
from app.engine import loop as engine, scheduling
from app.engine.presence import Place
from app.live.hub import Hub
from app.live.log import Tail
from app.store.db import Database
from tests.engine.recording import RecordingDispatch
from tests.factories import a_task
from tests.fleet import HOST, Fleet

TERMS = engine.Terms(host=Place(HOST, "here", 100), heartbeat_timeout=timedelta(seconds=600))
SOON = 10


class Noticing(RecordingDispatch):
    """Can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.grown = asyncio.Event()

    async def launch(self, *, worker_id: str, fence: int, token: str) -> None:
        await super().launch(worker_id=worker_id, fence=fence, token=token)
        self.grown.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(SOON):
            while len(self.launched) < count:
                self.grown.clear()
                await self.grown.wait()


@asynccontextmanager
async def running(db: Database, dispatch: RecordingDispatch) -> AsyncIterator[engine.Engine]:
    hub = Hub("memory://")
    db.on_commit = hub.wake
    async with (
        hub,
        Tail(db, hub, poll=SOON * 10) as tail,
        engine.Engine(db, tail, dispatch, TERMS) as running,
    ):
        yield running


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is started within a test was started because of a commit, not because time has passed."""
    monkeypatch.setattr(engine, "LONGEST_REST", SOON * 10)


@pytest.mark.usefixtures("patient")
async def test_a_commit_that_makes_a_task_ready_gets_it_a_runner_without_waiting_for_the_clock(
    sqlite_fleet: Fleet,
) -> None:
    dispatch = Noticing()
    async with running(sqlite_fleet.db, dispatch):
        run_id = await sqlite_fleet.a_run("a", "b < a")
        await dispatch.until(1)
        await sqlite_fleet.finish(run_id, "a")
        await dispatch.until(2)


@pytest.mark.usefixtures("patient")
async def test_an_answer_starts_what_it_lets_start_without_waiting_for_the_clock(sqlite_fleet: Fleet) -> None:
    dispatch = Noticing()
    async with running(sqlite_fleet.db, dispatch):
        run_id = await sqlite_fleet.a_run(a_task("a", paths=["src"]), a_task("b", paths=["src/**"]))
        await dispatch.until(1)
        (item,) = await sqlite_fleet.db.read(store.attention.open_conflicts, run_id)
        await sqlite_fleet.do(commands.attention.answer, item_id=item.id, answer="PARALLELIZE")
        await dispatch.until(2)


@pytest.mark.usefixtures("patient")
async def test_an_engine_takes_up_what_an_earlier_one_left(sqlite_fleet: Fleet) -> None:
    run_id = await sqlite_fleet.a_run("a")
    worker_id = await sqlite_fleet.working(run_id, "a")
    dispatch = Noticing()
    async with running(sqlite_fleet.db, dispatch) as found:
        assert dispatch.launched == [(worker_id, 1)]
        assert found.running
    assert not found.running
    assert not dispatch.running
    assert (await sqlite_fleet.worker(worker_id)).status == "RUNNING"


async def test_a_failure_is_logged_and_the_duty_goes_on(
    sqlite_fleet: Fleet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "FAILURE_REST", 0.0)
    whole, failures = scheduling.run_once, iter(range(2))

    async def failing(*arguments: object, **named: object) -> int:
        if next(failures, None) is not None:
            raise OSError("the disk is full")
        return await whole(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(scheduling, "run_once", failing)
    dispatch = Noticing()
    with caplog.at_level(logging.ERROR, logger=engine.__name__):
        async with running(sqlite_fleet.db, dispatch):
            await sqlite_fleet.a_run("a")
            await dispatch.until(1)
    assert [
        record.exc_info[1].args for record in caplog.records if record.exc_info and record.exc_info[1]
    ] == [("the disk is full",)] * 2


async def test_closing_the_tail_first_ends_scheduling_without_noise(
    sqlite_fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    hub = Hub("memory://")
    dispatch = Noticing()
    async with hub:
        tail = Tail(sqlite_fleet.db, hub)
        await tail.__aenter__()
        async with engine.Engine(sqlite_fleet.db, tail, dispatch, TERMS):
            await tail.__aexit__(None, None, None)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
