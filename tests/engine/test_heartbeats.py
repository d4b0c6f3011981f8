"""Silent workers: first another runner is offered, then what is left is ended, and only then they are LOST."""

from datetime import datetime, timedelta

import pytest

from app import commands
from app.domain.errors import AppError, ErrorCode
from app.domain.reports import Exited
from app.domain.workers import ExitReason
from app.engine import heartbeats
from tests.conftest import Clock
from tests.engine.conftest import RecordingDispatch
from tests.factories import a_plan, a_task
from tests.fleet import Fleet

PATIENCE = timedelta(seconds=60)


class Doctor:
    """Looks once. `ready_since` is when the server became ready."""

    def __init__(self, fleet: Fleet, dispatch: RecordingDispatch, key: bytes, clock: Clock) -> None:
        self.fleet = fleet
        self.dispatch = dispatch
        self.key = key
        self.ready_since: datetime = clock.now - timedelta(days=1)

    async def look(self) -> int:
        return await heartbeats.run_once(
            self.fleet.db,
            self.dispatch,  # type: ignore[arg-type]
            self.key,
            ready_since=self.ready_since,
            patience=PATIENCE,
        )


@pytest.fixture
def doctor(fleet: Fleet, dispatch: RecordingDispatch, key: bytes, clock: Clock) -> Doctor:
    return Doctor(fleet, dispatch, key, clock)


@pytest.fixture
async def run(fleet: Fleet) -> str:
    return await fleet.a_run(plan=a_plan(a_task("task", max_attempts=2)))


@pytest.fixture
async def worker(fleet: Fleet, run: str) -> str:
    return await fleet.working(run, "task")


async def test_who_is_heard_is_left_alone(
    doctor: Doctor, fleet: Fleet, worker: str, dispatch: RecordingDispatch, clock: Clock
) -> None:
    for _ in range(10):
        clock.advance(seconds=20)
        assert await doctor.look() == 0
        await fleet.report(worker)
        await fleet.db.write(lambda tx: None)
        assert await beat(fleet, worker)
    assert dispatch.calls == []


async def beat(fleet: Fleet, worker: str) -> bool:
    return await fleet.db.write(commands_beat, worker)


def commands_beat(tx: object, worker: str) -> bool:
    from app import store

    return store.workers.beat(tx, worker, 1)  # type: ignore[arg-type]
