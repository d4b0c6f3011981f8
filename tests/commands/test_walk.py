"""Whatever clients, engine and runners do in whatever order: refusals at most, and everything keeps making sense."""

import os
from random import Random

import pytest

from app.store.db import Database
from tests.commands import walk_clients, walk_runners
from tests.commands.walk import STEPS, Walk
from tests.conftest import Clock
from tests.fleet import Fleet

SEEDS = int(os.environ.get("TRACKSIDE_TEST_WALKS", "24"))
LENGTH = 160


async def a_walk(db: Database, clock: Clock, seed: int, steps: int = LENGTH) -> Walk:
    assert {walk_clients.mutate, walk_runners.claim} <= set(STEPS)
    walk = Walk(Fleet(db, clock), Random(seed))
    await walk.go(steps)
    await walk_runners.wind_down(walk)
    return walk


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_everything_keeps_making_sense_and_every_run_can_end(
    sqlite_db: Database, clock: Clock, seed: int
) -> None:
    walk = await a_walk(sqlite_db, clock, seed)
    assert walk.refused < LENGTH / 2
