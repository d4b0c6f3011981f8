"""How many there are of everything."""

from typing import Any

from sqlalchemy import Connection, event

from app import store
from app.store.db import Database
from tests.fleet import Fleet


async def test_everything_is_counted_by_status(db: Database, fleet: Fleet) -> None:
    assert await db.read(store.counts.read) == store.counts.Counts({}, {}, {}, 0)
    run = await fleet.a_run("one", "two < one", "three < one", start=True)
    await fleet.working(run, "one")
    found = await db.read(store.counts.read)
    assert (found.runs, found.workers) == ({"ACTIVE": 1}, {"RUNNING": 1})
    assert found.tasks == {"RUNNING": 1, "PENDING": 2}


async def test_counting_reads_indexes_and_no_rows(sqlite_db: Database) -> None:
    statements: list[str] = []

    def note(_c: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(sqlite_db.engine, "before_cursor_execute", note)
    await sqlite_db.read(store.counts.read)
    event.remove(sqlite_db.engine, "before_cursor_execute", note)
    assert len(statements) == 4
    with sqlite_db.engine.connect() as connection:
        for statement in statements:
            bound = ("OPEN",) * statement.count("?")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", bound).all()
            assert any("COVERING INDEX" in row.detail for row in plan), (statement, plan)
