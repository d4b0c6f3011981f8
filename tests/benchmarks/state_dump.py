"""What a dump of a large state costs those who wait meanwhile: how long the event loop is held, time, memory.

    python -m tests.benchmarks.state_dump --tasks 100000

The server runs in this process, its reader in another; `before it` is the same machine without a dump.
Of three figures the first is the middle, the second the 99th of a hundred, the third the worst.
"""

import argparse
import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE

from starlette.applications import Starlette
from starlette.routing import Route

from app import commands, store
from app.commands.audit import Request
from app.commands.runs import PlanSource
from app.domain.access import Actor, Role
from app.main import settle
from app.store.db import Database
from app.transport.dump import Dump
from app.transport.identity import Authenticated, Authenticator
from app.transport.server import Server, configuration
from tests.benchmarks.many_tasks import KINDS, a_database, a_large_plan, lag_watched, memory

SECRET = "trk_benchmark"
READER = """
import sys, urllib.request
asked = urllib.request.Request(sys.argv[1], headers={"authorization": "Bearer " + sys.argv[2]})
lines = size = 0
print("ready", flush=True)
sys.stdin.readline()
with urllib.request.urlopen(asked) as answer:
    for line in answer:
        lines, size, last = lines + 1, size + len(line), line
assert b'"type":"End"' in last
print(lines, size)
"""


async def fill(db: Database, tasks: int) -> None:
    await db.write(store.tokens.ensure, name="admin", role=Role.ADMIN, secret=SECRET)
    request = Request("benchmark", Actor("tok_benchmark", "benchmark", Role.ADMIN))
    made = await db.write(
        commands.audit.perform, request, commands.projects.create, name="large", root="/srv"
    )
    await db.write(
        commands.audit.perform,
        request,
        commands.runs.create,
        project_id=made.refs["project"],
        plan=a_large_plan(tasks),
        source=PlanSource(),
        start=False,
    )


async def measure(db: Database, tasks: int) -> None:
    await fill(db, tasks)
    app = Authenticated(Dump(db, slow_seconds=30.0), Authenticator(db), lambda _: True)
    ready = asyncio.Event()

    async def listening() -> None:
        ready.set()

    async def leaving() -> None:
        pass

    config = configuration(Starlette(routes=[Route("/state.ndjson", app)]))
    config.port = 0
    server = Server(config, listening=listening, leaving=leaving)
    serving = asyncio.create_task(server.serve())
    await ready.wait()
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/state.ndjson"
    async with lag_watched() as quiet:
        await asyncio.sleep(1)
    await settle()
    reader = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", READER, url, SECRET), stdin=PIPE, stdout=PIPE
    )
    assert reader.stdout is not None
    await reader.stdout.readline()  # starting a process is none of what is measured
    before, start = memory(), time.perf_counter()
    async with lag_watched() as lag:
        output, _ = await reader.communicate(b"now\n")
    took = time.perf_counter() - start
    assert reader.returncode == 0
    lines, size = map(int, output.split())
    print(
        f"{'SQLite' if db.is_sqlite else 'PostgreSQL':10}  {lines:,} lines, {size / 2**20:.0f} MiB in {took:.1f} s; "
        f"memory {before:.0f} → {memory():.0f} MiB; load {os.getloadavg()[0]:.1f}\n"
        f"  meanwhile  {lag}\n  before it  {quiet}"
    )
    server.should_exit = True
    await serving


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--database", choices=KINDS, action="append")
    options = parser.parse_args()
    for kind in options.database or KINDS:
        with a_database(kind) as db:
            asyncio.run(measure(db, options.tasks))


if __name__ == "__main__":
    main()
