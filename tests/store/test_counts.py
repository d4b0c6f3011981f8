"""How many there are of everything."""

from typing import Any

from sqlalchemy import Connection, event

from app import store
from app.domain.runs import Patience
from app.store.db import Database
from tests.fleet import Fleet


async def test_everything_is_counted_by_status(db: Database, fleet: Fleet) -> None:
    assert await db.read(store.counts.read, Patience()) == store.counts.Counts({}, {}, {}, 0, {}, {})
    run = await fleet.a_run("one", "two < one", "three < one", start=True)
    await fleet.working(run, "one")
    found = await db.read(store.counts.read, Patience())
    assert (found.runs, found.workers) == ({"ACTIVE": 1}, {"RUNNING": 1})
    assert found.tasks == {"RUNNING": 1, "PENDING": 2}


async def test_counting_reads_indexes_and_of_rows_only_what_is_open(sqlite_db: Database) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_c: Connection, _cursor: Any, statement: str, bound: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, bound))

    event.listen(sqlite_db.engine, "before_cursor_execute", note)
    await sqlite_db.read(store.counts.read, Patience())
    event.remove(sqlite_db.engine, "before_cursor_execute", note)
    plans = []
    with sqlite_db.engine.connect() as connection:
        for statement, bound in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", bound).all()
            plans.append(" ".join(row.detail for row in plan))
    assert all(" INDEX " in plan for plan in plans), plans
    assert sum("COVERING INDEX" in plan for plan in plans) >= 3, plans
    assert len(plans) == 6
