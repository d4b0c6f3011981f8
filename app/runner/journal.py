"""What a runner must not forget, on disk before it is sent: whether an agent was started, which, and every report."""

import errno
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.processes.identity import Identity
from app.runner import reports
from app.runner.reports import Kind, Report

_COMPACT_BYTES = 1024 * 1024


@dataclass(slots=True)
class Past:
    """What an earlier runner of this worker left behind."""

    starting: bool = False
    agent: Identity | None = None
    last: int = 0
    exited: bool = False
    reports: list[Report] = field(default_factory=list)


class Journal:
    """Append only, one JSON object a line. A line that cannot be written costs the line, never the agent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = self._open()
        self._size = os.fstat(self._fd).st_size
        self._torn = self._size > 0  # a line may be unfinished: begin a new one
        self._starting = self._exited = False
        self._agent: Identity | None = None

    def read(self) -> Past:
        past = Past()
        for raw in self._path.read_bytes().split(b"\n"):
            try:
                record = json.loads(raw)
            except ValueError:
                continue
            if isinstance(record, dict):
                _recall(past, record)
        self._starting, self._agent, self._exited = past.starting, past.agent, past.exited
        return past

    def starting(self) -> None:
        """Durable before the agent starts. OSError when it cannot be."""
        self._starting = True
        self._write('{"starting":true}\n')
        os.fsync(self._fd)

    def started(self, agent: Identity) -> None:
        self._agent = agent
        self._keep(json.dumps({"agent": agent.to_json()}) + "\n")

    def add(self, report: Report) -> None:
        exited = report.kind is Kind.EXITED
        self._exited = self._exited or exited
        self._keep(_record(report), durable=exited)

    def accepted(self, last: int, pending: Iterable[Report], *, live: int) -> None:
        """Begin anew with what is still needed (`live` bytes) once most of the file is not."""
        if self._size < _COMPACT_BYTES + 2 * live:
            return
        fresh = self._path.with_suffix(".new")
        agent = self._agent.to_json() if self._agent else None
        head = {"starting": self._starting, "agent": agent, "exited": self._exited, "last": last}
        try:
            text = json.dumps(head) + "\n" + "".join(map(_record, pending))
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(fd, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self._path)
            replaced = self._open()
        except OSError:
            return  # the old one is still whole
        os.close(self._fd)
        self._fd, self._torn = replaced, False
        self._size = os.fstat(replaced).st_size

    def close(self) -> None:
        os.close(self._fd)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _keep(self, text: str, *, durable: bool = False) -> None:
        try:
            self._write(text)
            if durable:
                os.fsync(self._fd)
        except OSError:  # disk full: the report is still sent from memory
            return

    def _write(self, text: str) -> None:
        data = (("\n" if self._torn else "") + text).encode()
        self._torn = True
        written = os.write(self._fd, data)
        self._size += written
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._torn = False


def _record(report: Report) -> str:
    return f'{{"report":{report.encoded}}}\n'


def _recall(past: Past, record: dict[str, Any]) -> None:
    past.starting = past.starting or record.get("starting") is True
    past.exited = past.exited or record.get("exited") is True
    past.agent = Identity.from_json(record.get("agent")) or past.agent
    report = reports.from_json(record.get("report"))
    if report is not None:
        past.reports.append(report)
        past.exited = past.exited or report.kind is Kind.EXITED
    last = record.get("last")
    past.last = max(past.last, report.n if report else 0, last if type(last) is int else 0)
