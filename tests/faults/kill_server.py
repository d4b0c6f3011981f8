"""kill -9 of the server, again and again, while a run of short tasks goes on; then the history is judged.

    python -m tests.faults.kill_server --kills 200 --tasks 300
    python -m tests.faults.kill_server --kills 20 --tasks 60 --flaw two-commits   # must be caught
    python -m tests.faults.kill_server --database-url postgresql://postgres@127.0.0.1:5432/postgres

Exit status 0 where every promise held, or where a flaw was asked for and caught.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack, aclosing, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from app.client.socket import ConnectionLost, GraphQLSocket
from tests.conftest import new_database
from tests.e2e.served import TOKEN, Client, Served
from tests.faults.history import Event, Verdict, judge

EVENTS = """
  __typename cursor
  ... on TaskStatusChanged { newTaskStatus task { id } }
"""
SUBSCRIPTION = f"subscription($after: Cursor) {{ events(after: $after) {{ {EVENTS} }} }}"
PAGE = (
    f"query($after: Cursor) {{ events(after: $after) {{ edges {{ node {{ {EVENTS} }} }} "
    "pageInfo { hasNextPage endCursor } } }"
)
TASKS = (
    "query($id: ID!) { run(id: $id) { status statusReason tasks(first: 5000) "
    "{ edges { node { id status attempts } } } } }"
)
LONGEST = 1800.0
"""Seconds after which everything is given up: a load loop is always bounded."""


class Rig:
    def __init__(self, root: Path, flaw: str | None, seed: int, database_url: str | None) -> None:
        self.root = root
        self.random = random.Random(seed)
        self.server = FlawedServed(root / "data", flaw, database_url)
        self.ran = root / "ran"
        self.seen: list[Event] = []
        self.deadline = time.monotonic() + LONGEST
        self.up = asyncio.Event()

    # ------------------------------------------------------------ the subscriber

    async def subscribe(self) -> None:
        """Follow the log for ever; after each loss go on from the last cursor that came whole."""
        while True:
            await self.up.wait()
            after = self.seen[-1]["cursor"] if self.seen else "0"
            with suppress(ConnectionLost, OSError):
                async with (
                    await GraphQLSocket.open(self.server.url, token=TOKEN) as socket,
                    aclosing(socket.subscribe(SUBSCRIPTION, {"after": after})) as events,
                ):
                    async for data in events:
                        self.seen.append(data["events"])
            await asyncio.sleep(0.02)

    # ------------------------------------------------------------ the server's lives

    async def start(self) -> None:
        await asyncio.to_thread(self.server.start)
        self.up.set()

    async def kill_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.up.clear()
        await asyncio.to_thread(self.server.kill)

    # ------------------------------------------------------------ runs

    async def create_run(self, tasks: int, workers: int) -> str:
        """A run whose tasks note that they ran and last some tenths of a second."""
        client = Client(self.server.url)
        try:
            project = await client.do("createProject", "project { id }", name="faults", root=str(self.root))
            script = f'echo "$TRACKSIDE_TASK_ID" >> {self.ran}; sleep $1'
            payload = await client.do(
                "createRun",
                "run { id }",
                projectId=project["project"]["id"],
                maxWorkers=workers,
                start=True,
                plan={
                    "tasks": [
                        {
                            "key": f"t{number}",
                            "title": f"Task {number}",
                            "runtime": {"command": ["sh", "-c", script, "sh", self.duration()]},
                        }
                        for number in range(tasks)
                    ]
                },
            )
            return str(payload["run"]["id"])
        finally:
            await client.close()

    def duration(self) -> str:
        """Most are over before the next server is up, some are still at work when it is."""
        return f"{self.random.uniform(0.1, 0.6) if self.random.random() < 0.7 else self.random.uniform(2, 5):.2f}"

    async def run_of(self, run_id: str) -> dict[str, Any]:
        client = Client(self.server.url)
        try:
            found: dict[str, Any] = (await client.query(TASKS, id=run_id))["run"]
            return found
        finally:
            await client.close()

    async def whole_log(self) -> list[Event]:
        client = Client(self.server.url)
        try:
            log: list[Event] = []
            after, more = "0", True
            while more:
                page = (await client.query(PAGE, after=after))["events"]
                log += [edge["node"] for edge in page["edges"]]
                after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
            return log
        finally:
            await client.close()

    async def finish(self, run_ids: list[str]) -> dict[str, str]:
        """Wait until every run has ended and the subscriber has everything; the tasks' final statuses."""
        tasks: dict[str, str] = {}
        for run_id in run_ids:
            while (run := await self.run_of(run_id))["status"] in ("ACTIVE", "COMPLETING"):
                if time.monotonic() > self.deadline:
                    raise SystemExit(f"gave up: {run['status']} {run['statusReason']}")
                await asyncio.sleep(0.2)
            for edge in run["tasks"]["edges"]:
                tasks[edge["node"]["id"]] = edge["node"]["status"]
        return tasks


class FlawedServed(Served):
    def __init__(self, data_dir: Path, flaw: str | None, database_url: str | None) -> None:
        super().__init__(data_dir, args=() if database_url is None else ("--database-url", database_url))
        if flaw is not None:
            self.module = ("tests.faults.flawed", flaw)


def left_over(root: Path) -> list[psutil.Process]:
    """Agents of this run by their environment, and runners by the directory they work in."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if str(root) in process.environ().get("TRACKSIDE_INBOX", "") or any(
                str(root / "data" / "workers") in file.path for file in process.open_files()
            ):
                found.append(process)
    return found


async def settle_processes(root: Path) -> int:
    """Runners end once their last report is taken; what is still there after a while is left over."""
    for _ in range(100):
        if not (left := left_over(root)):
            return 0
        await asyncio.sleep(0.1)
    return len(left)


async def experiment(
    kills: int, tasks: int, flaw: str | None, seed: int, database_url: str | None
) -> tuple[Verdict, int]:
    root = Path(tempfile.mkdtemp(prefix="trackside-faults-"))
    rig = Rig(root, flaw, seed, database_url)
    subscriber = asyncio.create_task(rig.subscribe())
    began = time.monotonic()
    try:
        await rig.start()
        run_ids = [await rig.create_run(tasks, workers=2 if kills > tasks // 4 else 8)]
        for number in range(1, kills + 1):
            await rig.kill_after(rig.random.uniform(0.02, 0.8))
            await rig.start()
            if (await rig.run_of(run_ids[-1]))["status"] not in ("ACTIVE", "COMPLETING"):
                run_ids.append(await rig.create_run(tasks, workers=8))
            if number % 10 == 0:
                print(f"{number} kills, {len(rig.seen)} events, {time.monotonic() - began:.0f} s", flush=True)
        statuses = await rig.finish(run_ids)
        log = await rig.whole_log()
        for _ in range(100):
            if rig.seen and rig.seen[-1]["cursor"] == log[-1]["cursor"]:
                break
            await asyncio.sleep(0.1)
        left = await settle_processes(root)
        ran = rig.ran.read_text().split()
        verdict = judge(seen=rig.seen, log=log, tasks=statuses, ran=ran, processes_left=left)
        print(f"{kills} kills, {len(run_ids)} runs of {tasks} tasks, {len(log)} events: {verdict}")
        return verdict, len(log)
    finally:
        subscriber.cancel()
        await asyncio.wait([subscriber])
        rig.server.stop()
        for process in left_over(root):
            with suppress(psutil.Error):
                process.kill()
        shutil.rmtree(root, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--flaw", choices=["two-commits", "no-lock"])
    parser.add_argument(
        "--database-url", help="a PostgreSQL server on which a database is made for this; SQLite without"
    )
    options = parser.parse_args()
    if options.flaw == "two-commits" and options.database_url:
        parser.error("two-commits breaks the writer of SQLite alone")
    with ExitStack() as stack:
        url = None
        if options.database_url:
            server = stack.enter_context(psycopg.connect(options.database_url, autocommit=True))
            url = stack.enter_context(new_database(server, options.database_url))
        verdict, _ = asyncio.run(experiment(options.kills, options.tasks, options.flaw, options.seed, url))
    if options.flaw is None:
        return int(verdict.broken > 0)
    print("caught" if verdict.broken else f"NOT caught: {options.flaw}")
    return int(verdict.broken == 0)


if __name__ == "__main__":
    sys.exit(main())
