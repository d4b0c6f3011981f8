"""Rows that are written past the mapper are read by it as if it had written them."""

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app import commands, store
from app.commands.runs import PlanSource
from app.store import bulk
from app.store.db import Tx
from app.store.tables import DependencyRow
from tests.factories import a_plan, a_task
from tests.fleet import Fleet

AWKWARD = "tab\there, back\\slash, \\N, \"quotes\", line\nend, ☃, 'one'"


async def test_every_kind_of_value_comes_back_as_it_was(fleet: Fleet) -> None:
    tasks = [
        a_task(f"t{n}", title=f"{AWKWARD} {n}", paths=["src/**", AWKWARD]) for n in range(bulk.CHUNK + 1)
    ]
    runtime = {"kind": "command", "argv": ["true", AWKWARD]}
    made = await fleet.do(
        commands.runs.create,
        project_id=await fleet.a_project(),
        plan=a_plan(*tasks),
        source=PlanSource(),
        runtime=runtime,
    )
    found = await fleet.tasks(made.refs["run"])
    assert len(found) == bulk.CHUNK + 1
    for number in (0, bulk.CHUNK - 1, bulk.CHUNK):
        row = found[f"t{number}"]
        assert (row.title, row.ordinal) == (f"{AWKWARD} {number}", number + 1)
        assert (row.paths, row.runtime) == (["src/**", AWKWARD], runtime)
        assert (row.description, row.attempts, row.failures, row.skill, row.not_before) == (
            "",
            0,
            0,
            None,
            None,
        )


async def test_what_the_database_refuses_changes_nothing(fleet: Fleet) -> None:
    run_id = await fleet.a_run("one", start=False)
    task = (await fleet.tasks(run_id))["one"]

    def write(tx: Tx) -> None:
        edge: dict[str, Any] = {"task_id": task.id, "needs_id": "task_none", "run_id": run_id}
        bulk.insert(tx, DependencyRow, [{**edge, "needs_id": task.id}, edge], {})
        tx.session.flush()

    with pytest.raises(IntegrityError):
        await fleet.db.write(write)
    assert await fleet.db.read(store.tasks.edges, run_id) == []


async def test_postgresql_knows_at_once_that_a_table_has_grown(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MANY", 50)
    await fleet.a_run(*(f"t{number}" for number in range(50)), start=False)

    def known(tx: Tx) -> float:
        counted = tx.session.connection().exec_driver_sql(
            "SELECT reltuples FROM pg_class WHERE relname = 'task'"
        )
        return float(counted.scalar_one())

    if not fleet.db.is_sqlite:
        assert await fleet.db.read(known) == 50
