"""What a dashboard costs when the log grows and nothing else does.

    python -m tests.benchmarks.dashboard --runs 10000 --events 10000,100000,1000000

One database with 10,000 started runs of ten tasks each; its log is made longer in steps. At each step a server of its own
answers the whole dashboard over HTTP, for all projects and for one, and counts the log for comparison: that is what a
dashboard costs whose cost does grow. The ratios are to the shortest log. Nine of ten new facts are heartbeats with
`--heartbeats 0.9`: facts that a dashboard passes over.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlmodel import col, func, select

from app import commands, store
from app.commands.audit import Request
from app.commands.runs import PlanSource
from app.domain.access import Actor, Role
from app.domain.events import EventKind
from app.domain.plans import Plan, PlanFormat, PlanPhase, PlanTask
from app.store.db import Database, Tx
from app.store.tables import EventRow
from tests.benchmarks.many_tasks import KINDS, a_database
from tests.e2e.served import Client, Served

WHOLE = """query($project: ID) { dashboard(projectId: $project) {
  statusCounts { status count } phaseCounts { phase count } stale { run { id name } staleSeconds }
  attention { id kind title blockedTasks } recentEvents { cursor at __typename run { id name } }
  resources { supervisors runningTasks pendingTasks hosts worktrees } usage { inputTokens outputTokens costUsd }
} }"""
TASKS = 10
PROJECTS = 10
AT_ONCE = 50
STEP = 20_000

Ids = list[tuple[str, str]]
"""Runs, and the projects that they are of."""


async def fill(db: Database, runs: int) -> Ids:
    request = Request("benchmark", Actor("tok_benchmark", "benchmark", Role.ADMIN))
    tasks = [
        PlanTask(key=f"T{n}", title=f"Task {n}", depends_on=[f"T{n - 1}"] if n else []) for n in range(TASKS)
    ]
    plan = Plan(PlanFormat.TRACKSIDE, "Ten tasks", [PlanPhase("all", "All of them", tasks)])
    projects = [
        (
            await db.write(
                commands.audit.perform, request, commands.projects.create, name=f"p{n}", root=f"/srv/{n}"
            )
        ).refs["project"]
        for n in range(PROJECTS)
    ]
    left = iter(range(runs))
    made: Ids = []

    async def create() -> None:
        for n in left:
            project = projects[n % PROJECTS]
            receipt = await db.write(
                commands.audit.perform,
                request,
                commands.runs.create,
                project_id=project,
                plan=plan,
                source=PlanSource(),
                start=True,
            )
            made.append((receipt.refs["run"], project))

    await asyncio.gather(*(create() for _ in range(AT_ONCE)))
    return made


def lengthen(tx: Tx, runs: Ids, count: int, heartbeats: float) -> None:
    """Facts as runs leave them: many runs, a few kinds, the newest last."""
    beats = round(heartbeats * 10)

    def facts() -> Iterator[dict[str, Any]]:
        for n in range(count):
            run, project = runs[n * 7919 % len(runs)]
            beat = n % 10 < beats
            kind = EventKind.HEARTBEAT_RECEIVED if beat else EventKind.TASK_STATUS_CHANGED
            data = (
                {"state": "WORKING", "phase": None, "activity": "reading", "progress": 40}
                if beat
                else {"old": "READY", "new": "RUNNING", "reason": None}
            )
            yield {
                "kind": kind,
                "at": tx.now,
                "project_id": project,
                "run_id": run,
                "run_status": "ACTIVE",
                "data": data,
            }

    store.bulk.insert(tx, EventRow, facts(), {"actor": None, "task_id": None, "worker_id": None})


def shorten(tx: Tx, count: int) -> None:
    """Keep the newest facts, as if the others had been pruned."""
    tx.session.execute(delete(EventRow).where(col(EventRow.seq) <= store.events.head(tx) - count))


def length(tx: Tx) -> int:
    return tx.session.exec(select(func.count()).select_from(EventRow)).one()


async def asked(server: Served, project: str | None, times: int) -> list[float]:
    """Milliseconds of each query, one after the other."""
    client, found = Client(server.url), []
    try:
        for number in range(times + 5):
            start = time.perf_counter()
            await client.query(WHOLE, project=project)
            if number >= 5:  # the first ones find nothing prepared
                found.append((time.perf_counter() - start) * 1000)
    finally:
        await client.close()
    return found


def told(found: list[float], base: float | None) -> str:
    middle = statistics.median(found)
    ratio = f"  x {middle / base:.2f}" if base is not None else ""
    return f"{middle:8.1f} {sorted(found)[int(0.99 * (len(found) - 1))]:8.1f}{ratio:>8}"


def measure(url: str, options: argparse.Namespace) -> None:
    database = Database(url)
    start = time.perf_counter()
    runs = asyncio.run(fill(database, options.runs))
    print(
        f"{'SQLite' if database.is_sqlite else 'PostgreSQL'}: {options.runs:,} runs, {options.runs * TASKS:,} tasks, "
        f"made in {time.perf_counter() - start:.0f} s; ms: median, 99th of a hundred, ratio to the shortest log"
    )
    asyncio.run(database.write(shorten, min(options.events)))
    bases: dict[str, float] = {}
    for wanted in options.events:
        have = asyncio.run(database.read(length))
        while have < wanted:
            step = min(STEP, wanted - have)
            asyncio.run(database.write(lengthen, runs, step, options.heartbeats))
            have += step
        start = time.perf_counter()
        asyncio.run(database.read(length))
        counted = (time.perf_counter() - start) * 1000
        with tempfile.TemporaryDirectory(prefix="trackside-dashboard-") as directory:
            server = Served(Path(directory) / "data", args=("--database-url", url))
            server.start()
            try:
                everything = asyncio.run(asked(server, None, options.times))
                one = asyncio.run(asked(server, runs[0][1], options.times))
            finally:
                server.stop()
        for name, found in (("all", everything), ("one", one)):
            bases.setdefault(name, statistics.median(found))
        bases.setdefault("count", counted)
        print(
            f"  {have:>9,} events  all projects {told(everything, bases['all'])}   one project {told(one, bases['one'])}"
            f"   counting them {counted:7.1f}  x {counted / bases['count']:.1f}"
        )
    database.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument(
        "--events", type=lambda given: [int(one) for one in given.split(",")], default=[10**4, 10**5, 10**6]
    )
    parser.add_argument("--heartbeats", type=float, default=0.0, help="share of the new facts, from 0 to 1")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--database", choices=KINDS, action="append")
    options = parser.parse_args()
    for kind in options.database or KINDS:
        with a_database(kind) as database:
            url = database.url
            database.close()
            measure(url, options)


if __name__ == "__main__":
    main()
