"""Whatever clients, engine and runners do in whatever order: refusals at most, and everything keeps making sense."""

import os
from random import Random
from typing import Any

import pytest

from app import store
from app.commands import ledgers, moves, workers
from app.commands.dag import _Draft
from app.store.db import Database
from tests.commands import walk_clients, walk_runners
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


def nothing(*_args: Any, **_named: Any) -> None:
    """Forgets to do it."""


FLAWS: dict[str, tuple[Any, str, Any]] = {
    "does not count": (moves, "count", nothing),
    "does not tell dependents": (moves, "_tell_dependents", nothing),
    "does not settle": (moves, "settle", nothing),
    "does not advance phases": (moves, "advance", nothing),
    "does not count in phases": (moves, "_count_in_phase", nothing),
    "leaves tasks behind": (store.tasks, "not_begun", lambda _tx, _phase_id: []),
    "goes on without asking": (store.gates, "is_guarded", lambda _run, _phase: False),
    "lets gates be emptied": (_Draft, "refuse_gates_that_cannot_hold", nothing),
    "does not count anew after an edit": (moves, "recount", nothing),
    "does not wait for answers": (workers, "wait_if_asked", nothing),
    "does not close requests": (store.commands, "under_way", lambda _tx, _worker_id: []),
    "goes on past budgets": (store.budgets, "stopped_by", lambda _tx, _run, _worker: None),
    "keeps what was reserved": (ledgers, "release", nothing),
    "does not let go": (ledgers, "let_go", nothing),
    "does not release askers": (store.attention, "askers", lambda _tx, _item_id: []),
}


RARE = {"lets gates be emptied": 17}
"""Flaws that few walks come across, and the first one that does."""


@pytest.mark.parametrize("flaw", FLAWS)
async def test_a_system_with_a_flaw_is_caught(
    sqlite_db: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch, flaw: str
) -> None:
    monkeypatch.setattr(*FLAWS[flaw])
    caught: Exception | None = None
    first = RARE.get(flaw, 0)
    for seed in range(first, first + 12):
        try:
            await a_walk(sqlite_db, clock, seed)
        except Exception as error:  # a complaint, or whatever a broken system stumbles over
            caught = error
            break
    assert caught is not None
