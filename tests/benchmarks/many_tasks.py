"""Runs of very many tasks for benchmarks, on a database of either kind, and how late the event loop comes meanwhile."""

import asyncio
import os
import random
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import make_url

from app.domain.plans import Plan, PlanFormat, PlanPhase, PlanTask
from app.store import migrations
from app.store.db import Database

POSTGRES_URL = os.environ.get("TRACKSIDE_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
KINDS = ("sqlite", "postgresql")


@contextmanager
def a_database(kind: str) -> Iterator[Database]:
    """Empty, migrated, durable as in use; gone afterwards."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="trackside-benchmark-") as directory:
            yield from _opened(f"sqlite:///{Path(directory) / 'trackside.db'}")
        return
    name = f"trackside_benchmark_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield from _opened(
                make_url(POSTGRES_URL).set(database=name).render_as_string(hide_password=False)
            )
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        migrations.upgrade(database)
        yield database
    finally:
        database.close()


def layered(tasks: int, *, width: int = 1_000, needs: int = 3, seed: int = 1) -> list[tuple[int, list[int]]]:
    """Tasks in layers, each waiting for some of the layer before, chosen by chance."""
    chance = random.Random(seed)
    found = []
    for number in range(tasks):
        start = number // width * width
        before = chance.sample(range(start - width, start), needs) if start else []
        found.append((number, before))
    return found


def a_large_plan(tasks: int) -> Plan:
    listed = [
        PlanTask(
            key=f"T{number}",
            title=f"Task {number} of very many",
            description="Do what has to be done, and say what was done.",
            depends_on=[f"T{one}" for one in needed],
            paths=[f"src/part{number % 97}/**"],
        )
        for number, needed in layered(tasks)
    ]
    return Plan(PlanFormat.TRACKSIDE, "Very many", [PlanPhase("all", "All of them", listed)])


class Lag:
    """How much later than asked for the event loop came back, in seconds.

    `seen` is all of it. `held` leaves out how long the threads of this process stood in line for a processor, as far as the
    system tells: what other programs on the machine do is in the one and not in the other.
    """

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.held: list[float] = []

    async def watch(self) -> None:
        line = _Line()
        try:
            while True:
                waited, asked = line.waited(), time.perf_counter()
                await asyncio.sleep(0.001)
                late = max(0.0, time.perf_counter() - asked - 0.001)
                self.seen.append(late)
                self.held.append(max(0.0, late - (line.waited() - waited)))
        finally:
            line.close()

    @property
    def worst(self) -> float:
        return max(self.seen, default=0.0)

    def __str__(self) -> str:
        return f"event loop late by {_told(self.seen)} ms, of that held by this process {_told(self.held)} ms"


def _told(found: Sequence[float]) -> str:
    """The middle, the 99th of a hundred, and the worst."""
    ordered = sorted(found) or [0.0]
    return " / ".join(f"{ordered[int(share * (len(ordered) - 1))] * 1000:.1f}" for share in (0.5, 0.99, 1))


class _Line:
    """How long the threads of this process have waited for a processor. Linux tells; elsewhere it is nothing."""

    def __init__(self) -> None:
        self._files: dict[str, int] = {}

    def waited(self) -> float:
        total = 0
        for thread in os.listdir("/proc/self/task") if os.path.exists("/proc/self/schedstat") else ():
            try:
                if thread not in self._files:
                    self._files[thread] = os.open(f"/proc/self/task/{thread}/schedstat", os.O_RDONLY)
                total += int(os.pread(self._files[thread], 100, 0).split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
        return total / 1e9

    def close(self) -> None:
        for file in self._files.values():
            os.close(file)


@asynccontextmanager
async def lag_watched() -> AsyncIterator[Lag]:
    lag = Lag()
    watch = asyncio.create_task(lag.watch())
    try:
        yield lag
    finally:
        watch.cancel()


def memory() -> float:
    """Resident, in MiB."""
    return float(psutil.Process().memory_info().rss) / 2**20
