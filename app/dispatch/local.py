"""Starts runners on this machine, from a warm template process that ends with the server while they live on."""

import asyncio
import json
import os
import re
import shutil
import sys
import sysconfig
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from types import TracebackType
from typing import Any, Self

from app.domain.errors import AppError, ErrorCode
from app.processes import ending, signals
from app.processes.identity import Identity
from app.processes.locks import Lock, holder
from app.processes.table import SYSTEM
from app.processes.tree import Tree

_ROOT = Path(__file__).parents[2]
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ANSWER_SECONDS = 15.0
_LAUNCH_TRIES = 3
_END_SECONDS = 15.0


def template_command() -> list[str]:
    """Run from a checkout, Python finds `app` in the working directory; installed, it must not look there first."""
    installed = str(_ROOT) in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    return [sys.executable, *(["-P"] if installed else []), "-m", "app.runner.template"]


class TemplateDied(Exception):
    """Before it answered; asking another one is harmless, because a launch is idempotent."""


class _Template:
    """One template process and the questions it has not answered yet."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._unanswered: deque[asyncio.Future[dict[str, Any]]] = deque()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, command: Sequence[str]) -> "_Template":
        # Without the server's own settings from the start: /proc/PID/environ shows what a process was started with.
        env = {name: value for name, value in os.environ.items() if not name.startswith("TRACKSIDE_")}
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=_ROOT,
            env=env,
            start_new_session=True,  # Ctrl-C in the terminal is meant for the server
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        return not self._reader.done() and self.process.returncode is None

    async def ask(self, line: bytes) -> dict[str, Any]:
        stdin = self.process.stdin
        assert stdin is not None
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._unanswered.append(future)
        try:
            stdin.write(line)
            async with asyncio.timeout(_ANSWER_SECONDS):
                await stdin.drain()
                return await future
        except (OSError, TimeoutError) as error:
            self._kill()
            raise TemplateDied(str(error)) from error

    async def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self._kill()
            await self.process.wait()
        await self._reader

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()

    async def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        while line := await stdout.readline():
            if self._unanswered:  # answers come in the order of the questions
                future = self._unanswered.popleft()
                if not future.done():
                    future.set_result(_answer(line))
        for future in self._unanswered:
            if not future.done():
                future.set_exception(TemplateDied("it ended"))


def _answer(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {"error": f"the template said {line[:200]!r}"}


class LocalDispatch:
    """`launch` ensures that a runner is at work; `end_hung` makes room for another; `forget` clears up."""

    def __init__(self, data_dir: Path, server_file: Path, *, command: Sequence[str] | None = None) -> None:
        self._workers = data_dir.absolute() / "workers"
        self._server_file = server_file.absolute()
        self.command = list(command) if command is not None else template_command()
        self._template: _Template | None = None
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Warm up; `launch` does it too when nobody did."""
        await self._running()

    async def stop(self) -> None:
        """Ends the template; runners stay."""
        async with self._starting:
            template, self._template = self._template, None
            if template is not None:
                await template.stop()

    async def launch(self, *, worker_id: str, fence: int, token: str) -> None:
        """A runner of this worker is at work, or has nothing left to do, soon after this returns. Idempotent.

        AppError(UNAVAILABLE) when none can be started at present.
        """
        directory = self._directory(worker_id)
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise AppError(ErrorCode.UNAVAILABLE, f"No runner could be started: {error}.") from error
        request = {
            "workerId": worker_id,
            "fence": fence,
            "token": token,
            "directory": str(directory),
            "serverFile": str(self._server_file),
        }
        answer = await self._ask(json.dumps(request).encode() + b"\n")
        if "error" in answer:
            raise AppError(ErrorCode.UNAVAILABLE, f"No runner could be started: {answer['error']}.")

    async def end_hung(self, worker_id: str) -> bool:
        """End a runner that holds its lock but is silent, and its whole tree. True when nothing is left of either."""
        directory = self._directory(worker_id)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # without one there is nothing to lock
        # In a thread with a loop of its own: reading every process's environment takes a while.
        return await asyncio.to_thread(lambda: asyncio.run(_end_hung(directory, worker_id)))

    def known(self) -> list[str]:
        """Workers that have a directory here."""
        if not self._workers.is_dir():
            return []
        return [entry.name for entry in self._workers.iterdir() if _PLAIN.fullmatch(entry.name)]

    def count_processes(self) -> int:
        """Runners on this machine, and everything below them. Reads files and the process table: not for an event loop."""
        signed = (holder(self._directory(worker_id) / "lock") for worker_id in self.known())
        runners = [one.pid for one in signed if one is not None and SYSTEM.look(one) is not None]
        return len(runners) + len(SYSTEM.descendants(runners))

    def forget(self, worker_id: str) -> bool:
        """Remove the worker's directory, journal and all; False while a runner still holds it."""
        directory = self._directory(worker_id)
        if not directory.is_dir():
            return True
        lock = Lock.take(directory / "lock")
        if lock is None:
            return False
        try:
            shutil.rmtree(directory, ignore_errors=True)
        finally:
            lock.close()
        return not directory.exists()

    def _directory(self, worker_id: str) -> Path:
        if not _PLAIN.fullmatch(worker_id):
            raise AppError(ErrorCode.INVALID_INPUT, f"{worker_id!r} is not the id of a worker.")
        return self._workers / worker_id

    async def _ask(self, line: bytes) -> dict[str, Any]:
        for _ in range(_LAUNCH_TRIES):
            try:
                return await (await self._running()).ask(line)
            except TemplateDied:
                continue
        raise AppError(
            ErrorCode.UNAVAILABLE,
            "No runner could be started: the process that starts them ends at once.",
            suggestion=f"Run {' '.join(self.command)!r} by hand to see why.",
        )

    async def _running(self) -> _Template:
        async with self._starting:
            if self._template is None or not self._template.alive:
                if self._template is not None:
                    await self._template.stop()
                self._template = None
                try:
                    self._template = await _Template.start(self.command)
                except OSError as error:
                    raise AppError(ErrorCode.UNAVAILABLE, f"No runner could be started: {error}.") from error
            return self._template


async def _end_hung(directory: Path, worker_id: str) -> bool:
    tag, roots = f"TRACKSIDE_WORKER_ID={worker_id}", set[Identity]()
    lock_file = directory / "lock"
    try:
        async with asyncio.timeout(_END_SECONDS):
            lock = Lock.take(lock_file)
            while lock is None:
                runner = holder(lock_file)
                if runner is not None and SYSTEM.look(runner) is not None:
                    # Its tree is read before it dies: afterwards nothing says that the orphans were its children.
                    roots.update(seen.identity for seen in SYSTEM.descendants([runner.pid]))
                    with suppress(PermissionError):
                        signals.send(runner, SIGKILL, identify=SYSTEM.identify)
                await asyncio.sleep(0.01)
                lock = Lock.take(lock_file)
            try:
                await ending.end(Tree(tag, roots=roots), lambda: 0.0)
            finally:
                lock.close()
    except TimeoutError:
        return False
    return True
