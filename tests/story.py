"""What the log says of everything's states: each fact has to follow from the one before it."""

from dataclasses import dataclass, field
from typing import Any, Final

from sqlmodel import SQLModel, select

from app.domain.commands import COMMAND
from app.domain.deliverables import DELIVERABLE
from app.domain.events import EventKind
from app.domain.machines import Machine
from app.domain.restorations import RESTORATION
from app.domain.runs import RUN
from app.domain.supervisors import SUPERVISOR
from app.domain.tasks import TASK
from app.domain.workers import WORKER
from app.store.db import Tx

Row = Any
MACHINES: Final[dict[str, Machine[Any, Any]]] = {
    "run": RUN,
    "task": TASK,
    "worker": WORKER,
    "supervisor": SUPERVISOR,
}


@dataclass
class Story:
    """What the events say so far; can be fed step by step."""

    position: int = 0
    status: dict[str, str] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    deliverables: dict[str, str] = field(default_factory=dict)
    phase: dict[str, str] = field(default_factory=dict)
    restorations: dict[str, str] = field(default_factory=dict)
    last: dict[tuple[str, str], int] = field(default_factory=dict)
    """Where in the log the settings of a run were last changed, and where a worker began."""

    complaints: list[str] = field(default_factory=list)

    def read(self, tx: Tx) -> None:
        table = SQLModel.metadata.tables["event"]
        query = select(table).where(table.c.seq > self.position).order_by(table.c.seq)
        for row in tx.session.connection().execute(query):
            self.position = row.seq
            self._take(row)
            self._note_order(row)

    def _note_order(self, row: Row) -> None:
        if row.kind == EventKind.RUN_CONFIGURED:
            self.last[row.kind, row.run_id] = row.seq
        elif row.kind == EventKind.WORKER_STATUS_CHANGED and row.data["old"] is None:
            self.last[row.kind, row.worker_id] = row.seq

    def _take(self, row: Row) -> None:
        data = row.data
        match row.kind:
            case EventKind.RUN_STATUS_CHANGED:
                self._status("run", row.run_id, data, first=None)
            case EventKind.WORKER_STATUS_CHANGED:
                self._status("worker", row.worker_id, data, first=None)
            case EventKind.TASK_STATUS_CHANGED:
                self._status("task", row.task_id, data, first=data["old"])
            case EventKind.SUPERVISOR_STATE_CHANGED:
                self._status("supervisor", data["supervisor"], data, first=None)
            case EventKind.SUPERVISOR_RESTORED:
                self._restoration(row.seq, data["supervisor"], data["step"])
            case EventKind.PHASE_CHANGED:
                if self.phase.get(row.run_id) != data["old"]:
                    self.complaints.append(f"event {row.seq}: the phase before was not {data['old']}")
                self.phase[row.run_id] = data["new"]
            case EventKind.DELIVERABLE_CHANGED:
                self._deliverable(row.seq, data["deliverable"], data["status"])
            case EventKind.COMMAND_CHANGED:
                self._command(row.seq, data["command"], data["status"])

    def _status(self, noun: str, id: str, data: dict[str, Any], *, first: str | None) -> None:
        before = self.status.get(id, first)
        if before != data["old"]:
            self.complaints.append(f"{id} was {before}, but an event says it was {data['old']}")
        machine = MACHINES[noun]
        possible = {(origin, target) for (origin, _), target in machine.moves.items()}
        if data["old"] is None:
            if data["new"] != machine.start:
                self.complaints.append(f"{id} begins as {data['new']}")
        elif (data["old"], data["new"]) not in possible:
            self.complaints.append(f"{id} went from {data['old']} to {data['new']}")
        self.status[id] = data["new"]

    def _deliverable(self, seq: int, id: str, status: str) -> None:
        before = self.deliverables.get(id, DELIVERABLE.start)
        possible = {(origin, target) for (origin, _), target in DELIVERABLE.moves.items()}
        if (before, status) not in possible:
            self.complaints.append(f"event {seq}: deliverable {id} went from {before} to {status}")
        self.deliverables[id] = status

    def _restoration(self, seq: int, id: str, step: str) -> None:
        before = self.restorations.get(id)
        possible = {(origin, target) for (origin, _), target in RESTORATION.moves.items()}
        if before is None and step != RESTORATION.start:
            self.complaints.append(f"event {seq}: the restoration of {id} begins with {step}")
        if before is not None and (before, step) not in possible:
            self.complaints.append(f"event {seq}: the restoration of {id} went from {before} to {step}")
        self.restorations[id] = step

    def _command(self, seq: int, id: str, status: str) -> None:
        before = self.commands.get(id)
        possible = {(origin, target) for (origin, _), target in COMMAND.moves.items()}
        if before is not None and (before, status) not in possible:
            self.complaints.append(f"event {seq}: command {id} went from {before} to {status}")
        self.commands[id] = status
