"""The command line as its users have it: a process, its words, its status; and plans to give it."""

import contextlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import pytest

from app.cli import main
from app.cli.launcher import command_line

TAG = "TESTS_TAG"
PATIENCE = 60.0


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """What a command that was to answer in JSON was refused with."""
        error: dict[str, Any] = json.loads(self.err)["error"]
        return error

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Running:
    """A command that is still at work; `lines` are those it has written so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self.errors = ""
        self._errors = threading.Thread(target=self._read_errors, daemon=True)
        self._errors.start()

    def until(self, wanted: Callable[[str], bool]) -> str:
        """The next line of which this is true; fails where the command ends without one."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if wanted(self.lines[-1]):
                return self.lines[-1]
        self.process.wait()
        self._errors.join()
        raise AssertionError(f"it ended with {self.process.returncode}:\n{self.lines}\n{self.errors}")

    def wrote(self, *, seconds: float) -> bool:
        """Whether it writes something within this time, or has ended; the line is read by `until` or `end`."""
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def until_said(self, words: str) -> str:
        return self.until(lambda line: words in line)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self, *signals: int) -> Done:
        """Wait for its end, after these signals."""
        for number in signals:
            self.signal(number)
        assert self.process.stdout is not None
        self.lines += [line.rstrip("\n") for line in self.process.stdout]
        status = self.process.wait(PATIENCE)
        self._errors.join()
        return Done(status, "\n".join(self.lines) + "\n", self.errors)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors = self.process.stderr.read()


class Trackside:
    """`trackside` for one user of this machine: a state directory and a project to stand in."""

    def __init__(self, state_home: Path, project: Path) -> None:
        self.state_home = state_home
        self.project = project
        self.tag = uuid.uuid4().hex
        self._started: list[Running] = []

    @property
    def local(self) -> Path:
        """Where servers of runs keep their files."""
        return self.state_home / "trackside" / "local"

    def kept(self) -> list[Path]:
        return sorted(self.local.iterdir()) if self.local.is_dir() else []

    def __call__(self, *arguments: str, stdin: str | bytes = "", env: dict[str, str] | None = None) -> Done:
        """In this process, which saves the time that Python takes to start; `start` is the real thing."""
        out, err = _stream(b""), _stream(b"")
        given = _stream(stdin.encode() if isinstance(stdin, str) else stdin)
        with (
            mock.patch.dict(os.environ, self._environment(env), clear=True),
            mock.patch.multiple(sys, argv=["trackside", *arguments], stdin=given, stdout=out, stderr=err),
            contextlib.chdir(self.project),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        return Done(int(code or 0), _written(out), _written(err))

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> Running:
        return self.start_program([*command_line(), *arguments], env=env)

    def start_program(self, words: list[str], *, env: dict[str, str] | None = None) -> Running:
        process = subprocess.Popen(
            words,
            cwd=self.project,
            env=self._environment(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(Running(process))
        return self._started[-1]

    def processes(self) -> list[psutil.Process]:
        """Everything that was started from here and is alive, however far it went."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(TAG) == self.tag and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def close(self) -> None:
        for running in self._started:
            running.close()
        psutil.wait_procs(self.processes(), timeout=PATIENCE)
        for process in self.processes():
            process.kill()

    def _environment(self, more: dict[str, str] | None) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRACKSIDE_")}
        own = {"XDG_STATE_HOME": str(self.state_home), "XDG_CONFIG_HOME": str(self.state_home / "config")}
        return {**inherited, **own, TAG: self.tag, **(more or {})}


def write_plan(project: Path, title: str, *tasks: dict[str, Any], **more: Any) -> str:
    """A plan of Trackside's own format in the project; its file name."""
    (project / "plan.json").write_text(json.dumps({"title": title, "tasks": list(tasks), **more}))
    return "plan.json"


def task(key: str, *command: str, **more: Any) -> dict[str, Any]:
    """A task that runs a command; without one, it is done by hand."""
    runtime = {"runtime": {"command": list(command)}} if command else {}
    return {"key": key, "title": f"Do {key}", **runtime, **more}


def shell(key: str, script: str, **more: Any) -> dict[str, Any]:
    return task(key, "sh", "-c", script, **more)


def held(key: str, project: Path, **more: Any) -> dict[str, Any]:
    """A task that is at work until `let_go` of it."""
    gate = project / f"gate-{key}"
    if not gate.exists():
        os.mkfifo(gate)
    return shell(key, f"read line < gate-{key}; echo $line", **more)


def let_go(project: Path, key: str, line: str = "on") -> None:
    """Returns once the task has taken it: opening a FIFO waits for who reads it."""
    (project / f"gate-{key}").write_text(f"{line}\n")


def _stream(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
