"""Runs of very many tasks for benchmarks, on a database of either kind, and how late the event loop comes meanwhile."""

import asyncio
import os
import random
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
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
    """`worst` is how much later than asked for the event loop came back, in seconds."""

    def __init__(self) -> None:
        self.worst = 0.0
        self.seen: list[float] = []

    async def watch(self) -> None:
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(0.001)
            late = time.perf_counter() - asked - 0.001
            self.worst = max(self.worst, late)
            self.seen.append(late)

    def at(self, share: float) -> float:
        return sorted(self.seen)[int(share * (len(self.seen) - 1))] if self.seen else 0.0


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
