"""What the tests of real processes share."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from app.processes.identity import Identity
from app.processes.locks import holder
from app.processes.table import SYSTEM
from tests.runner.control_plane import TOKEN, Worker

ROOT = Path(__file__).parents[2]
PYTHON = [sys.executable, "-S", "-E", "-c"]


def wait_until(condition: Callable[[], Any], what: str = "the condition", seconds: float = 10.0) -> None:
    """For what nothing can be waited on: a file another process writes, a state in the process table."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.005)


async def until(condition: Callable[[], Any], what: str = "the condition", seconds: float = 10.0) -> None:
    """The same while the stand-in control plane goes on serving."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.005)


async def gone(pid: int, seconds: float = 10.0) -> None:
    """Returns when this process has ended; woken by the kernel."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, future = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
    loop.add_reader(fd, lambda: future.done() or future.set_result(None))
    try:
        async with asyncio.timeout(seconds):
            await future
    finally:
        loop.remove_reader(fd)
        os.close(fd)


def tagged(worker: Worker) -> list[int]:
    return [seen.identity.pid for seen in SYSTEM.tagged(f"TRACKSIDE_WORKER_ID={worker.id}")]


def alive(pid: int) -> bool:
    identity = SYSTEM.identify(pid)
    return identity is not None and SYSTEM.look(identity) is not None


def exists(pid: int) -> bool:
    """A zombie does."""
    return os.path.exists(f"/proc/{pid}")


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def resident_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])


@contextmanager
def child(*argv: str) -> Iterator[int]:
    """A process of the test's own, in a session of its own."""
    with subprocess.Popen(argv, start_new_session=True) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pids_in(path: Path) -> list[int]:
    """A file to which a test's processes append their pids."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


class Template:
    """The process that runners are forked from, spoken to as the server speaks to it."""

    def __init__(
        self, command: Sequence[str] = (sys.executable, "-m", "app.runner.template"), **env: str
    ) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.launched: list[tuple[Identity | None, Path]] = []

    def ask(self, request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert isinstance(answer, dict)
        return answer

    def launch(self, worker: Worker, directory: Path, server_file: Path, **more: Any) -> int:
        request = {
            "workerId": worker.id,
            "fence": worker.fence,
            "token": TOKEN,
            "directory": str(directory),
            "serverFile": str(server_file),
        }
        pid = int(self.ask({**request, **more})["pid"])
        self.launched.append((SYSTEM.identify(pid), directory))
        return pid

    def clean(self) -> None:
        """Ends what a failed test left behind: only processes whose identity we know."""
        for identity, directory in self.launched:
            worker_tag = f"TRACKSIDE_WORKER_ID={directory.name}"
            for left in (
                identity,
                holder(directory / "lock"),
                *(seen.identity for seen in SYSTEM.tagged(worker_tag)),
            ):
                if left is not None and SYSTEM.look(left) is not None:
                    with suppress(ProcessLookupError):
                        os.kill(left.pid, signal.SIGKILL)
        self.launched.clear()

    def close(self) -> None:
        self.clean()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@contextmanager
def template(*command: str, **env: str) -> Iterator[Template]:
    warm = Template(command, **env) if command else Template(**env)
    try:
        yield warm
    finally:
        warm.close()
