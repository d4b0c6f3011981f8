"""Whatever clients, engine and runners do in whatever order: refusals at most, and everything keeps making sense."""

import os
from random import Random
from typing import Final

import pytest

from app.store.db import Database
from tests.commands import walk_clients, walk_runners
from tests.commands.flaws import FLAWS
from tests.commands.walk import STEPS, Walk
from tests.conftest import Clock
from tests.fleet import Fleet

WALKS = int(os.environ.get("TRACKSIDE_TEST_WALKS", "10"))
LENGTH = 150


async def a_walk(db: Database, clock: Clock, seed: int, steps: int = LENGTH) -> Walk:
    assert {walk_clients.mutate, walk_runners.claim} <= set(STEPS)
    walk = Walk(Fleet(db, clock), Random(seed))
    await walk.go(steps)
    await walk_runners.wind_down(walk)
    return walk


@pytest.mark.parametrize("seed", range(WALKS))
async def test_everything_keeps_making_sense_and_every_run_can_end(
    sqlite_db: Database, clock: Clock, seed: int
) -> None:
    walk = await a_walk(sqlite_db, clock, seed)
    assert walk.refused < LENGTH / 2


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(1000, 1000 + max(2, WALKS // 6)))
async def test_everything_keeps_making_sense_on_postgresql(
    postgresql_db: Database, clock: Clock, seed: int
) -> None:
    await a_walk(postgresql_db, clock, seed, steps=100)


# ---------------------------------------------------------------- flawed variants


FEW_COME_BY: Final = {"goes on without asking", "lets gates be emptied", "does not let go"}
"""Where most walks do not show the flaw. It is met for certain, as all are, in the tests of flaws."""


@pytest.mark.parametrize("flaw", [flaw for flaw in FLAWS if flaw not in FEW_COME_BY])
async def test_a_system_with_a_flaw_is_caught(
    sqlite_db: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch, flaw: str
) -> None:
    FLAWS[flaw].bring_in(monkeypatch)
    caught: Exception | None = None
    for seed in range(12):
        try:
            await a_walk(sqlite_db, clock, seed)
        except Exception as error:  # a complaint, or whatever a broken system stumbles over
            caught = error
            break
    assert caught is not None
