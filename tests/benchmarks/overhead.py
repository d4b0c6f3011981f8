"""What a task costs that does nothing: many of them through a real server, beside the bare cost of starting a process.

    python -m tests.benchmarks.overhead --tasks 500 --workers 8 --rounds 3

Prints milliseconds of one core for each task: of the whole machine (everything that ran meanwhile, so keep it quiet), of
the server, and what is left for template, runners and the programs themselves; and the ratio to the bare floor.
"""

import argparse
import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.e2e.served import Client, Served


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds, for all tasks together."""

    wall: float
    machine: float
    server: float


def machine_busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def server_busy(server: Served) -> float:
    assert server.process is not None
    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


def floor(tasks: int, workers: int) -> Round:
    """The same programs, started by nothing but a pool of threads."""
    wall, machine = time.monotonic(), machine_busy()
    with ThreadPoolExecutor(workers) as pool:
        for status in pool.map(lambda _: subprocess.run(["true"], check=False).returncode, range(tasks)):
            assert status == 0
    return Round(time.monotonic() - wall, machine_busy() - machine, 0.0)


async def through_server(server: Served, root: Path, tasks: int, workers: int) -> Round:
    client = Client(server.url)
    try:
        project = await client.do("createProject", "project { id }", name="overhead", root=str(root))
        payload = await client.do(
            "createRun",
            "run { id }",
            projectId=project["project"]["id"],
            plan={"tasks": [{"key": f"t{n}", "title": f"Task {n}"} for n in range(tasks)]},
            runtime={"command": ["true"]},
            maxWorkers=workers,
        )
        run_id = payload["run"]["id"]
        wall, machine, own = time.monotonic(), machine_busy(), server_busy(server)
        await client.do("startRun", "run { id }", runId=run_id)
        async with client.socket() as socket:
            ended = "subscription($id: ID!) { run(id: $id) { status progress { completed } } }"
            async for data in socket.subscribe(ended, {"id": run_id}):
                if data["run"]["status"] not in ("ACTIVE", "COMPLETING"):
                    break
        assert data["run"] == {"status": "COMPLETED", "progress": {"completed": tasks}}
        return Round(time.monotonic() - wall, machine_busy() - machine, server_busy(server) - own)
    finally:
        await client.close()


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):6.1f}  ({min(values):.1f} to {max(values):.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="trackside-overhead-"))
    server = Served(root / "data", env={"TRACKSIDE_SLOTS": str(options.workers)})
    server.start()
    try:
        each = 1000 / options.tasks
        bare: list[Round] = []
        ours: list[Round] = []
        for _ in range(options.rounds):
            bare.append(floor(options.tasks, options.workers))
            ours.append(asyncio.run(through_server(server, root, options.tasks, options.workers)))
    finally:
        server.stop()
        shutil.rmtree(root, ignore_errors=True)
    print(
        f"{options.tasks} tasks, {options.workers} at a time, {options.rounds} rounds; ms a task: median (min to max)"
    )
    print(f"bare start of the program, whole machine  {spread([r.machine * each for r in bare])}")
    print(f"through Trackside, whole machine          {spread([r.machine * each for r in ours])}")
    print(f"  of it the server                        {spread([r.server * each for r in ours])}")
    print(
        f"  of it template, runners, programs, rest {spread([(r.machine - r.server) * each for r in ours])}"
    )
    print(f"wall                                      {spread([r.wall * each for r in ours])}")
    ratio = statistics.median([o.machine for o in ours]) / statistics.median([b.machine for b in bare])
    print(f"ratio to the bare start                   {ratio:6.1f}")


if __name__ == "__main__":
    main()
