"""Whatever clients, engine and runners do in whatever order: refusals at most, and everything keeps making sense."""

from random import Random

import pytest

from app.store.db import Database
from tests.commands.walk import Walk, wind_down
from tests.conftest import Clock
from tests.fleet import Fleet

STEPS = 200


@pytest.mark.parametrize("seed", range(30))
async def test_a_walk_leaves_everything_in_order_and_every_run_can_end(
    sqlite_db: Database, clock: Clock, seed: int
) -> None:
    walk = Walk(Fleet(sqlite_db, clock), Random(seed))
    await walk.go(STEPS)
    await wind_down(walk)
