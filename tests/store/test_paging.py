"""Pages of rows: forward and backward, with equal keys, while rows come and go, and with made-up cursors."""

import base64
import json
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlmodel import col, delete

from app import store
from app.domain import limits
from app.domain.errors import AppError, ErrorCode
from app.store.db import Database, Tx
from app.store.paging import Key, Page, Window, page
from app.store.tables import EventRow, LogLineRow, ProjectRow, RunRow

NEWEST_FIRST = [Key(RunRow.created_at, True), Key(RunRow.id, True)]
BY_NAME = [Key(RunRow.name), Key(RunRow.id)]
MIXED = [Key(RunRow.version, True), Key(RunRow.name), Key(RunRow.id, True)]
BY_ID = [Key(RunRow.id)]
ORDERS = {"newest": NEWEST_FIRST, "name": BY_NAME, "mixed": MIXED, "id": BY_ID}

SIZES = (1, 2, 5, 22, 23, 24)

Order = list[Key]


def fill(tx: Tx, count: int = 23) -> None:
    random = Random(7)
    tx.session.add(ProjectRow(id="proj_1", name="p", root="/", created_at=tx.now))
    for number in range(count):
        add_run(tx, f"run_{number:03}", random)


def add_run(tx: Tx, run_id: str, random: Random) -> None:
    tx.session.add(
        RunRow(
            id=run_id,
            project_id="proj_1",
            name=random.choice("abc"),
            version=random.randint(1, 3),
            status="CREATED",
            created_at=tx.now + timedelta(microseconds=random.randint(0, 2)),
            last_activity_at=tx.now,
        )
    )


@pytest.fixture
async def filled(db: Database) -> Database:
    await db.write(fill)
    return db


async def look(db: Database, order: Order, **window: Any) -> Page[RunRow]:
    return await db.read(lambda tx: page(tx, store.runs.select_all(tx), order, Window(**window)))


def ids(found: Page[RunRow]) -> list[str]:
    return [row.id for row in found.rows]


def sorted_by(order: Order, rows: list[RunRow]) -> list[RunRow]:
    for key in reversed(order):
        rows = sorted(rows, key=lambda row, name=key.column.key: getattr(row, name), reverse=key.descending)
    return rows


@pytest.fixture(params=ORDERS)
def order(request: pytest.FixtureRequest) -> Order:
    return ORDERS[request.param]


async def test_a_page_is_in_order_with_equal_keys_told_apart_by_the_last_one(
    filled: Database, order: Order
) -> None:
    found = await look(filled, order)
    assert len(found.rows) == 23
    assert found.rows == sorted_by(order, list(found.rows))
    assert (found.has_next, found.has_previous) == (False, False)


async def test_forward_pages_are_the_whole_list(filled: Database, order: Order) -> None:
    whole = ids(await look(filled, order))
    for size in SIZES:
        seen: list[str] = []
        after = None
        while True:
            found = await look(filled, order, first=size, after=after)
            seen += ids(found)
            assert found.has_next == (len(seen) < len(whole))
            assert found.has_previous == (after is not None)
            if not found.has_next:
                break
            assert len(found.rows) == size
            after = found.cursors[-1]
        assert seen == whole


async def test_backward_pages_are_the_whole_list(filled: Database, order: Order) -> None:
    whole = ids(await look(filled, order))
    for size in SIZES:
        seen: list[str] = []
        before = None
        while True:
            found = await look(filled, order, last=size, before=before)
            seen = ids(found) + seen
            assert found.has_previous == (len(seen) < len(whole))
            assert found.has_next == (before is not None)
            if not found.has_previous:
                break
            before = found.cursors[0]
        assert seen == whole


async def test_a_window_lies_between_its_cursors(filled: Database, order: Order) -> None:
    found = await look(filled, order)
    whole, cursors = ids(found), found.cursors
    assert ids(await look(filled, order, after=cursors[3], before=cursors[9])) == whole[4:9]
    assert ids(await look(filled, order, first=2, after=cursors[3], before=cursors[9])) == whole[4:6]
    assert ids(await look(filled, order, last=2, after=cursors[3], before=cursors[9])) == whole[7:9]
    assert ids(await look(filled, order, after=cursors[-1])) == []
    assert ids(await look(filled, order, before=cursors[0])) == []
    assert ids(await look(filled, order, after=cursors[9], before=cursors[3])) == []


async def test_rows_that_come_and_go_move_nothing_else(db: Database, order: Order) -> None:
    await db.write(fill)
    stay = {f"run_{number:03}" for number in range(0, 23, 2)}
    random = Random(3)
    seen: list[str] = []
    after = None
    step = 0
    while True:
        found = await look(db, order, first=2, after=after)
        seen += ids(found)
        if not found.has_next:
            break
        after = found.cursors[-1]
        step += 1

        def stir(tx: Tx, step: int = step) -> None:
            add_run(tx, f"run_9{step:02}", random)
            gone = f"run_{2 * step - 1:03}"
            tx.session.exec(delete(RunRow).where(col(RunRow.id) == gone))

        await db.write(stir)
        assert step < 60
    assert len(seen) == len(set(seen))
    assert stay <= set(seen)


async def test_a_cursor_outlives_its_row(filled: Database, order: Order) -> None:
    found = await look(filled, order)
    whole = ids(found)
    await filled.write(lambda tx: tx.session.exec(delete(RunRow).where(col(RunRow.id) == whole[7])))
    assert ids(await look(filled, order, after=found.cursors[7])) == whole[8:]
    assert ids(await look(filled, order, before=found.cursors[7])) == whole[:7]


async def test_the_size_of_a_page(filled: Database) -> None:
    nothing = await look(filled, BY_ID, first=0)
    assert (nothing.rows, nothing.has_next) == ([], True)
    assert ids(await look(filled, BY_ID, last=0)) == []
    assert len((await look(filled, BY_ID, first=limits.PAGE)).rows) == 23
    assert Window().size(5_000) == limits.PAGE
    assert Window(first=5_000).size(5_000) == 5_000
    for window, code in [
        ({"first": limits.PAGE + 1}, ErrorCode.LIMIT_EXCEEDED),
        ({"last": limits.PAGE + 1}, ErrorCode.LIMIT_EXCEEDED),
        ({"first": 2**70}, ErrorCode.LIMIT_EXCEEDED),
        ({"first": -1}, ErrorCode.INVALID_INPUT),
        ({"last": -1}, ErrorCode.INVALID_INPUT),
        ({"first": 1, "last": 1}, ErrorCode.INVALID_INPUT),
    ]:
        with pytest.raises(AppError) as refused:
            await look(filled, BY_ID, **window)
        assert refused.value.code is code


async def test_the_whole_is_counted_without_the_window(filled: Database) -> None:
    only = store.runs.RunFilter(search="a")
    expected = [row for row in (await look(filled, BY_ID)).rows if row.name == "a"]
    assert await filled.read(lambda tx: store.paging.count(tx, store.runs.select_all(tx, only))) == len(
        expected
    )


def forged(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def genuine(order: Order, *values: Any) -> str:
    """What this list could have given out, had it held such a row."""
    return store.paging.encode(order, values)


GARBAGE = [
    "",
    "x",
    "=",
    "ä",
    "\ud800",
    "\0",
    "!!!!",
    "bm90IGpzb24",
    forged(),
    forged(None, None),
    forged(1, 2, 3),
    forged("2026-01-01T00:00:00+00:00", "run_001"),
    forged(0, "2026-01-01T00:00:00+00:00", "run_001"),
    base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    base64.urlsafe_b64encode(b"9" * 10_000).decode(),
    base64.urlsafe_b64encode(b'{"a":1}').decode(),
    base64.urlsafe_b64encode("\ufeff[]".encode("utf-16")).decode(),
    *(
        genuine(NEWEST_FIRST, when, "run_001")
        for when in (
            None,
            5,
            True,
            "",
            "yesterday",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            ["2026-01-01"],
        )
    ),
    *(
        genuine(NEWEST_FIRST, "2026-01-01T00:00:00+00:00", run_id)
        for run_id in (None, 5, "run\0", "\ud800", [], {})
    ),
    genuine(NEWEST_FIRST, "2026-01-01T00:00:00+00:00"),
    genuine(NEWEST_FIRST, "2026-01-01T00:00:00+00:00", "run_001", "run_002"),
]


@pytest.mark.parametrize("cursor", GARBAGE, ids=range(len(GARBAGE)))
async def test_a_made_up_cursor_is_refused(db: Database, cursor: str) -> None:
    for name in ("after", "before"):
        with pytest.raises(AppError) as refused:
            await look(db, NEWEST_FIRST, **{name: cursor})
        assert refused.value.code is ErrorCode.INVALID_INPUT
        assert refused.value.path == [name]


@pytest.mark.parametrize("number", [None, True, 1.5, "1", 2**31, -(2**31) - 2, 2**63, 10**400])
async def test_a_number_that_no_row_can_have_is_refused(db: Database, number: Any) -> None:
    order = [Key(LogLineRow.n)]
    cursor = genuine(order, number)
    with pytest.raises(AppError) as refused:
        await db.read(
            lambda tx: page(tx, store.workers.select_log("wrk_1"), order, Window(first=1, after=cursor))
        )
    assert refused.value.code is ErrorCode.INVALID_INPUT


async def test_a_large_column_takes_large_numbers(db: Database) -> None:
    order = [Key(EventRow.seq)]
    cursor = genuine(order, 2**62)
    found = await db.read(
        lambda tx: page(tx, store.events.selected(store.events.EVERYTHING), order, Window(after=cursor))
    )
    assert found.rows == []


async def test_a_cursor_of_another_list_is_refused(filled: Database) -> None:
    by_name = (await look(filled, BY_NAME, first=1)).cursors[0]
    by_id = (await look(filled, BY_ID, first=1)).cursors[0]
    last_activity = [Key(RunRow.last_activity_at, True), Key(RunRow.id, True)]
    by_activity = (await look(filled, last_activity, first=1)).cursors[0]
    for order, cursor in [(BY_ID, by_name), (BY_NAME, by_id), (NEWEST_FIRST, by_activity)]:
        with pytest.raises(AppError) as refused:
            await look(filled, order, after=cursor)
        assert refused.value.code is ErrorCode.INVALID_INPUT
    projects = [Key(ProjectRow.id)]
    with pytest.raises(AppError):
        await filled.read(
            lambda tx: page(tx, store.projects.select_all(tx), projects, Window(first=1, after=by_id))
        )
