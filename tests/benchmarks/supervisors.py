"""Many agents that look after a run each and beat, beside a run of real tasks and somebody who watches the dashboard.

    python -m tests.benchmarks.supervisors --supervisors 1000 --minutes 10
    python -m tests.benchmarks.supervisors --supervisors 200 --minutes 0.7 --database postgresql

Everything goes through a real server, over HTTP on the loopback. Each agent has a run and a token of its own, and beats every
`--every` seconds, spread over that time. Ends with status 1 where a heartbeat was not answered or was refused, an agent was
given up, or the tasks were not completed.
"""

import argparse
import asyncio
import math
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from tests.benchmarks.many_tasks import a_database
from tests.e2e.served import TOKEN, Client, Served

BEAT: Final = (
    """mutation($input: HeartbeatInput!) { heartbeat(input: $input) { at userErrors { code message } } }"""
)
DASHBOARD: Final = """{ dashboard { resources { supervisors runningTasks } statusCounts { status count }
  recentEvents(first: 20) { __typename cursor } } attention(first: 20) { totalCount } }"""
STATES: Final = """query($after: String) { runs(first: 100, after: $after) {
  edges { node { supervisor { isAgent state restarts } } } pageInfo { hasNextPage endCursor } } }"""
AT_ONCE: Final = 16
PATIENCE: Final = 30.0
LOOK_EVERY: Final = 2.0
TASKS_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Agent:
    run_id: str
    token: str


@dataclass(slots=True)
class Seen:
    """Latencies in seconds, what went wrong, the processor time of the server, and how all stood in the end."""

    beats: list[float] = field(default_factory=list)
    dashboards: list[float] = field(default_factory=list)
    sent: int = 0
    again: int = 0
    wrong: list[str] = field(default_factory=list)
    wall: float = 0.0
    cpu: float = 0.0
    run: str = ""
    states: list[str] = field(default_factory=list)


async def ask(
    http: httpx.AsyncClient, token: str, document: str, variables: dict[str, Any]
) -> dict[str, Any]:
    answer = await http.post(
        "/graphql",
        json={"query": document, "variables": variables},
        headers={"Authorization": f"Bearer {token}"},
    )
    found: dict[str, Any] = answer.json()
    if "errors" in found:
        raise RuntimeError(str(found["errors"][0]["message"]))
    data: dict[str, Any] = found["data"]
    return data


# ---------------------------------------------------------------- before


async def bounded(work: Sequence[Callable[[], Awaitable[Agent]]]) -> list[Agent]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(job: Callable[[], Awaitable[Agent]]) -> Agent:
        async with room:
            return await job()

    return list(await asyncio.gather(*(one(job) for job in work)))


async def an_agent(client: Client, project: str, number: int) -> Agent:
    """A run that waits for a person, and a token for who looks after it."""
    made = await client.do(
        "createRun",
        "run { id }",
        projectId=project,
        name=f"watched-{number}",
        plan={"tasks": [{"key": "by-hand", "title": "By hand"}]},
        start=True,
    )
    run_id = made["run"]["id"]
    token = await client.do(
        "createToken", "secret", name=f"agent-{number}", role="ORCHESTRATOR", runId=run_id
    )
    return Agent(run_id, token["secret"])


async def a_run_of_real_tasks(client: Client, project: str, tasks: int) -> str:
    made = await client.do(
        "createRun",
        "run { id }",
        projectId=project,
        name="real",
        plan={"tasks": [{"key": f"t{n}", "title": f"Task {n}"} for n in range(tasks)]},
        runtime={"command": ["sh", "-c", "echo at work; sleep 0.2"]},
        maxWorkers=TASKS_AT_ONCE,
    )
    run_id: str = made["run"]["id"]
    return run_id


# ---------------------------------------------------------------- meanwhile


async def beat(
    http: httpx.AsyncClient, agent: Agent, seen: Seen, *, first: float, every: float, end: float
) -> None:
    """From `first` on until `end`, in time: a slow answer does not put off the next."""
    turn = 0
    while (due := first + turn * every) < end:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        turn += 1
        seen.sent += 1
        began = time.monotonic()
        said = {"runId": agent.run_id, "state": "WORKING", "currentActivity": f"turn {turn}"}
        try:
            payload = await sent(http, agent, said, seen)
        except (httpx.HTTPError, RuntimeError, ValueError) as error:
            seen.wrong.append(f"a heartbeat was lost: {error!r}")
            continue
        if payload["userErrors"]:
            seen.wrong.append(f"a heartbeat was refused: {payload['userErrors'][0]['code']}")
            continue
        seen.beats.append(time.monotonic() - began)


async def sent(http: httpx.AsyncClient, agent: Agent, said: dict[str, Any], seen: Seen) -> dict[str, Any]:
    """Once more where the server has just closed the connection, as it may when one was idle: so do real clients."""
    try:
        data = await ask(http, agent.token, BEAT, {"input": said})
    except httpx.NetworkError:
        seen.again += 1
        data = await ask(http, agent.token, BEAT, {"input": said})
    payload: dict[str, Any] = data["heartbeat"]
    return payload


async def watch(http: httpx.AsyncClient, seen: Seen, end: float) -> None:
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            await ask(http, TOKEN, DASHBOARD, {})
            seen.dashboards.append(time.monotonic() - began)
        except (httpx.HTTPError, RuntimeError, ValueError) as error:
            seen.wrong.append(f"the dashboard was not answered: {error!r}")
        await asyncio.sleep(LOOK_EVERY)


async def measure(server: Served, client: Client, options: argparse.Namespace, root: Path) -> Seen:
    made = await client.do("createProject", "project { id }", name="watched", root=str(root))
    project = made["project"]["id"]
    agents = await bounded([partial(an_agent, client, project, n) for n in range(options.supervisors)])
    real = await a_run_of_real_tasks(client, project, options.tasks)
    limits = httpx.Limits(max_connections=options.connections, max_keepalive_connections=options.connections)
    seen = Seen()
    async with httpx.AsyncClient(
        base_url=client.url, timeout=PATIENCE, limits=limits, trust_env=False
    ) as http:
        await client.do("startRun", "run { id }", runId=real)
        start, busy = time.monotonic(), cpu_seconds(server)
        end = start + options.minutes * 60
        apart = options.every / len(agents)
        await asyncio.gather(
            watch(http, seen, end),
            *(
                beat(http, agent, seen, first=start + n * apart, every=options.every, end=end)
                for n, agent in enumerate(agents)
            ),
        )
    seen.wall, seen.cpu = time.monotonic() - start, cpu_seconds(server) - busy
    seen.run = (await client.query("query($id: ID!) { run(id: $id) { status } }", id=real))["run"]["status"]
    seen.states = await states(client)
    return seen


async def states(client: Client) -> list[str]:
    found: list[str] = []
    after: str | None = None
    while True:
        page = (await client.query(STATES, after=after))["runs"]
        supervisors = [edge["node"]["supervisor"] for edge in page["edges"]]
        found += [one["state"] for one in supervisors if one["isAgent"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


# ---------------------------------------------------------------- after


def spread(values: Sequence[float]) -> str:
    if len(values) < 2:
        return "too few"
    ordered = sorted(values)
    at = [ordered[min(len(ordered) - 1, math.ceil(len(ordered) * share) - 1)] * 1000 for share in (0.5, 0.99)]
    return f"p50 {at[0]:.1f} ms, p99 {at[1]:.1f} ms, most {ordered[-1] * 1000:.1f} ms"


def cpu_seconds(server: Served) -> float:
    assert server.process is not None
    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


def report(seen: Seen, supervisors: int) -> int:
    """What the command ends with."""
    heard, dead = len(seen.states), sum(state in ("INTERRUPTED", "FAILED") for state in seen.states)
    print(f"heartbeats: {seen.sent:,} sent, {len(seen.beats):,} answered: {spread(seen.beats)}")
    print(f"dashboard:  {len(seen.dashboards):,} looks: {spread(seen.dashboards)}")
    lost = seen.sent - len(seen.beats)
    print(
        f"            {lost:,} lost or refused, {seen.again:,} sent again; {heard:,} agents look after a run, {dead:,} given up"
    )
    print(f"real run:   {seen.run}")
    print(
        f"server:     {seen.cpu:.1f} s of processor time in {seen.wall:.1f} s ({seen.cpu / seen.wall:.1%} of one core)"
    )
    wrong = list(seen.wrong)
    if dead or heard != supervisors:
        wrong.append(f"{dead} agents were given up, {supervisors - heard} were never heard")
    if seen.run != "COMPLETED":
        wrong.append(f"the run of real tasks is {seen.run}")
    for words in wrong[:10]:
        print(f"WRONG: {words}")
    return 1 if wrong else 0


def served(options: argparse.Namespace, root: Path, stack: ExitStack) -> Served:
    arguments: tuple[str, ...] = ()
    if options.database == "postgresql":
        database = stack.enter_context(a_database("postgresql"))
        arguments = ("--database-url", database.url)
    # the administrator makes everything in one go: a limit on that is not what is measured
    server = Served(root / "data", args=arguments, env={"TRACKSIDE_MUTATIONS_PER_SECOND": "0"})
    server.start()
    stack.callback(server.stop)
    return server


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--supervisors", type=int, default=1_000)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument(
        "--every", type=float, default=30.0, help="seconds between two heartbeats of one agent"
    )
    parser.add_argument("--tasks", type=int, default=100, help="real tasks beside them")
    parser.add_argument("--connections", type=int, default=64, help="how many connections carry them at once")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    root = Path(tempfile.mkdtemp(prefix="trackside-supervisors-"))
    try:
        with ExitStack() as stack:
            server = served(options, root, stack)
            return asyncio.run(measured(server, options, root))
    finally:
        shutil.rmtree(root, ignore_errors=True)


async def measured(server: Served, options: argparse.Namespace, root: Path) -> int:
    client = Client(server.url)
    try:
        seen = await measure(server, client, options, root)
    finally:
        await client.close()
    rate = options.supervisors / options.every
    print(
        f"{options.supervisors:,} agents, {rate:.1f} heartbeats a second, {options.minutes:g} min, {options.database}"
    )
    return report(seen, options.supervisors)


if __name__ == "__main__":
    sys.exit(main())
