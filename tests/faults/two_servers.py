"""Two servers on one PostgreSQL while a run goes on: the bus between them is taken away, or the one that leads is killed.

    python -m tests.faults.two_servers --fault redis --seconds 10
    python -m tests.faults.two_servers --fault listener --seconds 10
    python -m tests.faults.two_servers --fault leader     # kill -9
    python -m tests.faults.two_servers --fault stall      # SIGSTOP, until somebody else leads
    python -m tests.faults.two_servers --fault redis --flaw trust-bus    # must be caught

Needs a PostgreSQL server (--database-url) and, for `redis`, the program redis-server: it starts one of its own. Exit status
0 where every promise held, or where a flaw was asked for and caught.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from app.client.socket import ConnectionLost, GraphQLSocket
from tests.conftest import POSTGRES_URL, new_database
from tests.e2e.served import TOKEN, Client, Served
from tests.faults.history import Event, Verdict, judge
from tests.faults.kill_server import PAGE, TASKS, left_over
from tests.faults.latency import Outcome
from tests.redis_server import RedisServer

FAULTS: Final = ("redis", "listener", "leader", "stall")
EVENTS: Final = "__typename cursor at ... on TaskStatusChanged { newTaskStatus task { id } } ... on WorkerStatusChanged { newWorkerStatus worker { id } }"
SUBSCRIPTION: Final = f"subscription($after: Cursor) {{ events(after: $after) {{ {EVENTS} }} }}"
HOSTS: Final = "{ workers(first: 1) { totalCount } hosts { id status } }"
LONGEST: Final = 300.0
SETTLED: Final = 6.0
"""Seconds after which every server has found the bus again: it is tried every five."""


@dataclass(slots=True)
class Seen:
    """What one subscriber got, and when."""

    events: list[Event] = field(default_factory=list)
    arrived: dict[str, float] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        self.events.append(event)
        self.arrived.setdefault(event["cursor"], time.time())


class Pair:
    """Two servers, each with a data directory and a subscriber of its own."""

    def __init__(self, root: Path, database_url: str, events_url: str, flaw: str | None) -> None:
        self.root = root
        self.database_url = database_url
        self.ran = root / "ran"
        self.servers = []
        for name in ("one", "other"):
            (root / name).mkdir()
            args = (
                "--database-url",
                database_url,
                "--events-url",
                events_url,
                "--slots",
                "4",
                "--host-name",
                name,
            )
            server = Served(root / name / "data", args=args)
            if flaw is not None:
                server.module = ("tests.faults.flawed", flaw)
            self.servers.append(server)
        self.seen = [Seen(), Seen()]
        self.deadline = time.monotonic() + LONGEST

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        readers: list[asyncio.Task[None]] = []
        try:
            for server in self.servers:
                await asyncio.to_thread(server.start)
            readers = [
                asyncio.create_task(self._subscribe(server, seen))
                for server, seen in zip(self.servers, self.seen, strict=True)
            ]
            yield
        finally:
            for reader in readers:
                reader.cancel()
            if readers:
                await asyncio.wait(readers)
            for server in self.servers:
                if server.process is not None and server.process.poll() is None:
                    server.stop()
            for name in ("one", "other"):
                for process in left_over(self.root / name):
                    with suppress(psutil.Error):
                        process.kill()

    async def _subscribe(self, server: Served, seen: Seen) -> None:
        """Follow the log for ever; after a loss go on from the last cursor."""
        while True:
            after = seen.events[-1]["cursor"] if seen.events else "0"
            with suppress(ConnectionLost, OSError):
                async with (
                    await GraphQLSocket.open(server.url, token=TOKEN) as socket,
                    aclosing(socket.subscribe(SUBSCRIPTION, {"after": after})) as events,
                ):
                    async for data in events:
                        seen.take(data["events"])
            await asyncio.sleep(0.05)

    async def ask(self, document: str, *, at: int = 0, **variables: Any) -> dict[str, Any]:
        client = Client(self.servers[at].url)
        try:
            return await client.query(document, **variables)
        finally:
            await client.close()

    async def create_run(self, tasks: int) -> str:
        client = Client(self.servers[0].url)
        try:
            project = await client.do("createProject", "project { id }", name="faults", root=str(self.root))
            script = f'echo "$TRACKSIDE_TASK_ID" >> {self.ran}; sleep 0.4'
            payload = await client.do(
                "createRun",
                "run { id }",
                projectId=project["project"]["id"],
                maxWorkers=8,
                start=True,
                plan={
                    "tasks": [
                        {"key": f"t{n}", "title": f"Task {n}", "runtime": {"command": ["sh", "-c", script]}}
                        for n in range(tasks)
                    ]
                },
            )
            return str(payload["run"]["id"])
        finally:
            await client.close()

    async def chatter(self) -> None:
        """Some events, one after the other, once every server has found the bus again."""
        await asyncio.sleep(SETTLED)
        client = Client(self.servers[0].url)
        try:
            for verb in ("pausePipeline", "resumePipeline") * 8:
                await client.do(verb, "pipeline { paused }")
                await asyncio.sleep(0.23)
        finally:
            await client.close()

    async def until(self, what: str, ready: Any) -> None:
        while not ready():
            if time.monotonic() > self.deadline:
                logs = "\n".join(server.log()[-3000:] for server in self.servers)
                raise SystemExit(f"gave up waiting for {what}:\n{logs}")
            await asyncio.sleep(0.05)

    def completed(self) -> int:
        return sum(event.get("newTaskStatus") == "COMPLETED" for event in list(self.seen[0].events))

    def leader(self) -> Served:
        with psycopg.connect(self.database_url) as database:
            found = database.execute("SELECT holder FROM lease").fetchone()
        assert found is not None
        return next(one for one in self.servers if (one.data_dir / "host").read_text().strip() == found[0])

    async def whole_log(self, at: int) -> list[Event]:
        log: list[Event] = []
        after, more = "0", True
        while more:
            page = (await self.ask(PAGE, at=at, after=after))["events"]
            log += [edge["node"] for edge in page["edges"]]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        return log


def cut_off_listeners(database_url: str) -> None:
    """What listens, and nothing else: the servers' own connections are not to blame."""
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND (query ILIKE 'LISTEN %' OR query ILIKE '%pg_notify%') AND pid <> pg_backend_pid()"
        )


async def silence(fault: str, pair: Pair, redis: RedisServer | None, seconds: float) -> tuple[float, float]:
    """Take the bus away for a while. From when to when it was away."""
    began = time.time()
    if redis is not None:
        await asyncio.to_thread(redis.stop)
        await asyncio.sleep(seconds)
        ended = time.time()
        await asyncio.to_thread(redis.start)
        return began, ended
    while time.time() - began < seconds:
        await asyncio.to_thread(cut_off_listeners, pair.database_url)
        await asyncio.sleep(0.1)
    return began, time.time()


async def take_leader(pair: Pair, fault: str) -> float:
    """Kill or stop the one that leads. Seconds until the other has begun a worker; then the first one goes on."""
    leader = pair.leader()
    survivor = pair.seen[1 - pair.servers.index(leader)]
    began, known = time.time(), len(survivor.events)
    if fault == "leader":
        await asyncio.to_thread(leader.kill)
    else:
        assert leader.process is not None
        leader.process.send_signal(signal.SIGSTOP)

    def begun() -> float | None:
        for event in survivor.events[known:]:
            at = datetime.fromisoformat(event["at"]).timestamp()
            if event.get("newWorkerStatus") == "SPAWNING" and at > began + 0.5:
                return at
        return None

    await pair.until("another leader", begun)
    at = begun()
    assert at is not None
    assert pair.leader() is not leader
    if fault == "leader":
        await asyncio.to_thread(leader.start)
    else:
        assert leader.process is not None
        leader.process.send_signal(signal.SIGCONT)
    return at - began


async def experiment(
    fault: str, *, tasks: int, seconds: float, flaw: str | None, database_url: str
) -> Outcome:
    root = Path(tempfile.mkdtemp(prefix="trackside-faults-"))
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        redis = None
        if fault == "redis":
            redis = RedisServer(root)
            stack.callback(redis.stop)
            redis.start()
        pair = Pair(root, database_url, database_url if redis is None else redis.url, flaw)
        await stack.enter_async_context(pair.running())
        run_id = await pair.create_run(tasks)
        await pair.until("some tasks", lambda: pair.completed() >= tasks // 5)
        away, taken_over = (0.0, 0.0), None
        if fault in ("leader", "stall"):
            taken_over = await take_leader(pair, fault)
        else:
            away = await silence(fault, pair, redis, seconds)
        while (run := (await pair.ask(TASKS, id=run_id))["run"])["status"] in ("ACTIVE", "COMPLETING"):
            if time.monotonic() > pair.deadline:
                raise SystemExit(
                    f"gave up: {run['status']} {run['statusReason']}\n{pair.servers[0].log()[-3000:]}"
                )
            await asyncio.sleep(0.2)
        settled = len(pair.seen[0].events)
        await pair.chatter()
        log = await pair.whole_log(0)
        assert await pair.whole_log(1) == log
        last = log[-1]["cursor"]
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                await pair.until(
                    "the end of the log", lambda: all(last in seen.arrived for seen in pair.seen)
                )
        statuses = {edge["node"]["id"]: edge["node"]["status"] for edge in run["tasks"]["edges"]}
        return outcome(pair, log, statuses, away, settled, fault, taken_over)


def outcome(
    pair: Pair,
    log: list[Event],
    tasks: dict[str, str],
    away: tuple[float, float],
    settled: int,
    fault: str,
    taken_over: float | None,
) -> Outcome:
    ran = pair.ran.read_text().split()
    verdict = Verdict()
    for seen in pair.seen:
        one = judge(seen=seen.events, log=log, tasks=tasks, ran=ran, processes_left=0)
        for name in (
            "lost",
            "duplicated",
            "out_of_order",
            "ran_not_once",
            "ended_not_once",
            "state_without_event",
        ):
            setattr(verdict, name, getattr(verdict, name) + getattr(one, name))
        verdict.examples += one.examples
    alive: list[float] = []
    dead: list[float] = []
    quiet: list[float] = []
    begun = (
        False  # a run that is made is one transaction of hundreds of events: that is no latency of the bus
    )
    for place, event in enumerate(pair.seen[0].events):
        begun = begun or event.get("newTaskStatus") == "COMPLETED"
        at, cursor = datetime.fromisoformat(event["at"]).timestamp(), event["cursor"]
        if cursor in pair.seen[1].arrived:
            # written by one of the two: the slower one heard of it by the bus
            latency = max(seen.arrived[cursor] for seen in pair.seen) - at
            if place >= settled and event["__typename"] == "PipelineChanged":
                quiet.append(latency)
            elif away[0] + 0.1 < at < away[1]:
                dead.append(latency)
            elif begun and taken_over is None and not away[0] < at < away[1] + SETTLED:
                alive.append(latency)
    with psycopg.connect(pair.database_url) as database:
        found = database.execute("SELECT count(DISTINCT host_id) FROM worker").fetchone()
    assert found is not None
    return Outcome(verdict, alive, dead, quiet, fault, taken_over, found[0])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fault", choices=FAULTS, default="redis")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long the bus is away")
    parser.add_argument("--tasks", type=int, help="how many there are; enough for the fault where left out")
    parser.add_argument("--flaw", choices=["trust-bus"])
    parser.add_argument("--database-url", default=POSTGRES_URL)
    options = parser.parse_args()
    tasks = options.tasks or 60 + int(20 * options.seconds)
    with (
        psycopg.connect(options.database_url, autocommit=True) as server,
        new_database(server, options.database_url) as url,
    ):
        found = asyncio.run(
            experiment(
                options.fault, tasks=tasks, seconds=options.seconds, flaw=options.flaw, database_url=url
            )
        )
    print(f"{options.fault}: {found}")
    for words in found.broken:
        print(f"broken: {words}")
    if options.flaw is None:
        return int(bool(found.broken))
    print("caught" if found.broken else f"NOT caught: {options.flaw}")
    return int(not found.broken)


if __name__ == "__main__":
    sys.exit(main())
