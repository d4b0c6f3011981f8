"""A run of very many tasks: made, listed in every order, filtered; how long each takes, and what it does to the event loop.

python -m tests.benchmarks.large_run --tasks 100000
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

from app import commands, store
from app.commands.audit import Request
from app.commands.runs import PlanSource
from app.domain.access import Actor, Role
from app.domain.tasks import TaskOrder
from app.main import settle
from app.store.db import Database, Tx
from app.store.paging import Window
from app.store.task_pages import TaskFilter
from tests.benchmarks.many_tasks import KINDS, a_database, a_large_plan, lag_watched, memory

READS: dict[str, Callable[[Tx, str], Any]] = {
    **{
        f"100 tasks, {order}": lambda tx, run, order=order: store.task_pages.page(
            tx, run, TaskFilter(), order, Window(first=100), most=100
        )
        for order in TaskOrder
    },
    "100 tasks, READY or PENDING": lambda tx, run: _page(tx, run, statuses=["READY", "PENDING"]),
    "100 tasks, search that finds ten": lambda tx, run: _page(tx, run, search="Task 9999"),
    "5,000 tasks": lambda tx, run: store.task_pages.page(
        tx, run, TaskFilter(), TaskOrder.PLAN, Window(first=5_000), most=5_000
    ),
    "dashboard": lambda tx, _run: store.dashboard.numbers(tx, None),
    "state, capped": lambda tx, _run: store.dump.document(tx, project_id=None),
}


def _page(tx: Tx, run: str, **only: Any) -> Any:
    return store.task_pages.page(tx, run, TaskFilter(**only), TaskOrder.PLAN, Window(first=100), most=100)


async def timed(function: Callable[[], Any]) -> str:
    async with lag_watched() as lag:
        start = time.perf_counter()
        await function()
        took = time.perf_counter() - start
    return f"{took * 1000:9.1f} ms, {lag}"


async def measure(db: Database, tasks: int, rounds: int) -> None:
    request = Request("benchmark", Actor("tok_benchmark", "benchmark", Role.ADMIN))
    plan = a_large_plan(tasks)

    async def do(change: Any, **arguments: Any) -> Any:
        return await db.write(commands.audit.perform, request, change, **arguments)

    await settle()
    print(f"{'SQLite' if db.is_sqlite else 'PostgreSQL'}, {tasks:,} tasks; memory before {memory():.0f} MiB")
    project = (await do(commands.projects.create, name="large", root="/srv")).refs["project"]
    made: dict[str, str] = {}

    async def create() -> None:
        receipt = await do(commands.runs.create, project_id=project, plan=plan, source=PlanSource())
        made.update(receipt.refs)

    print(f"  {'made':34} {await timed(create)}")
    run = made["run"]
    print(f"  {'started':34} {await timed(lambda: do(commands.runs.start, run_id=run))}")
    for name, read in READS.items():
        found = []
        for _ in range(rounds):
            start = time.perf_counter()
            await db.read(read, run)
            found.append((time.perf_counter() - start) * 1000)
        print(f"  {name:34} {statistics.median(found):9.1f} ms ({min(found):.1f} to {max(found):.1f})")
    print(f"  memory after {memory():.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=KINDS, action="append")
    options = parser.parse_args()
    for kind in options.database or KINDS:
        with a_database(kind) as db:
            asyncio.run(measure(db, options.tasks, options.rounds))


if __name__ == "__main__":
    main()
