"""Two engines on one database: each starts the workers of its own host, one leads, the other takes over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from app import store
from app.engine import loop as engine
from app.engine.presence import Place
from app.live.hub import Hub
from app.live.log import Tail
from app.store.db import Database
from app.store.leases import ENGINE
from tests.conftest import Clock
from tests.engine.recording import RecordingDispatch
from tests.fleet import Fleet
from tests.live.waiting import until


@asynccontextmanager
async def an_engine(
    url: str, open_database: Callable[[str], Database], name: str
) -> AsyncIterator[tuple[engine.Engine, RecordingDispatch]]:
    db, hub, dispatch = open_database(url), Hub(), RecordingDispatch()
    db.on_commit = hub.wake
    terms = engine.Terms(host=Place(f"host_{name}", name, 2), heartbeat_timeout=timedelta(seconds=600))
    async with hub, Tail(db, hub, poll=0.1) as tail, engine.Engine(db, tail, dispatch, terms) as running:
        yield running, dispatch


@pytest.mark.postgres
async def test_one_leads_each_starts_its_own_and_the_other_takes_over(
    postgresql_db: Database, open_database: Callable[[str], Database], clock: Clock
) -> None:
    fleet = Fleet(postgresql_db, clock)
    url = postgresql_db.url
    async with (
        an_engine(url, open_database, "other") as (other, there),
        an_engine(url, open_database, "one") as (one, here),
    ):
        assert other.leads
        assert not one.leads
        run_id = await fleet.a_run("a", "b", "c", "d", "e", max_workers=10)
        await until(lambda: len(here.launched) == len(there.launched) == 2)
        hosts = {worker.id: worker.host_id for worker in await fleet.live(run_id)}
        assert {hosts[id] for id, _ in here.launched} == {"host_one"}
        assert {hosts[id] for id, _ in there.launched} == {"host_other"}
        # the one that leads hangs: it says nothing any more, and somebody else gets its lease
        for task in other._tasks:
            task.cancel()
        await asyncio.wait(other._tasks)
        await until(lambda: one.leads, "another leader", seconds=20)
        assert not other.leads
        await fleet.exit(await fleet.up(here.launched[0][0]))
        await until(lambda: len(here.launched) == 3)
        assert len(there.launched) == 2
        assert await postgresql_db.read(store.leases.is_held, ENGINE)
