"""In a terminal: a live picture, a real Ctrl-C, and the terminal as it was before."""

import fcntl
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cli.launcher import command_line
from tests.cli.program import PATIENCE, Trackside, shell, task, write_plan

TAKE_THE_TERMINAL = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """A pseudo-terminal with a program in it."""

    def __init__(self, user: Trackside, *arguments: str, columns: int = 100) -> None:
        self.shown = ""
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_THE_TERMINAL, *command_line(), *arguments],
            cwd=user.project,
            env={**user._environment(None), "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def until(self, seen: Callable[[str], bool]) -> None:
        while not seen(self.shown):
            more = self._read()
            assert more, f"it ended first:\n{self.shown}"
            self.shown += more

    def end(self) -> int:
        while more := self._read():
            self.shown += more
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def _read(self) -> str:
        try:
            return os.read(self._master, 65536).decode("utf-8", "replace")
        except OSError:  # how Linux says that nobody has the other end any more
            return ""


@pytest.fixture
def terminal(alone: Trackside) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_one(*arguments: str, columns: int = 100) -> Terminal:
        opened.append(Terminal(alone, *arguments, columns=columns))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def test_a_run_is_shown_live_and_the_terminal_is_given_back(
    terminal: Callable[..., Terminal], project: Path
) -> None:
    plan = write_plan(project, "Live", shell("a", "sleep 1"), task("b", "true", dependsOn=["a"]))

    shown = terminal("run", plan, columns=40)

    assert shown.end() == 0
    assert "─ 0/2" in shown.shown
    assert "✓ a  Do a" in shown.shown
    assert "COMPLETED, 2 of 2 tasks" in shown.shown.replace("\r\n", " ")
    assert shown.shown.count(HIDE) == shown.shown.count(SHOW) >= 1
    assert shown.shown.rindex(SHOW) > shown.shown.rindex(HIDE)
    assert "Traceback" not in shown.shown


def test_ctrl_c_is_meant_for_the_run_and_not_for_its_server(
    terminal: Callable[..., Terminal], alone: Trackside, project: Path
) -> None:
    shown = terminal("run", write_plan(project, "Interrupted", shell("a", "sleep 1000")))
    shown.until(lambda text: "▶ a" in text)

    shown.type("\x03")

    assert shown.end() == 130
    assert "CANCELLED" in shown.shown
    assert SHOW in shown.shown[shown.shown.rindex(HIDE) :]
    assert alone.processes() == []


def test_what_a_worker_writes_does_not_steer_the_terminal(
    terminal: Callable[..., Terminal], project: Path
) -> None:
    plan = write_plan(project, "Rude", shell("a", r"printf '\033]0;owned\007\033[2J\n'; exit 1"))

    shown = terminal("run", plan)

    assert shown.end() == 1
    assert "| ]0;owned[2J" in shown.shown
    assert "\x1b]0;" not in shown.shown
    assert "\x1b[2J" not in shown.shown
