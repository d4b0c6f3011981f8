"""Everything the control plane knows, as JSON lines: page by page, each a short read of its own.

Columns that hold secrets are named here; a test sees to it that every table is either a section or left out on purpose.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

from sqlalchemy import ColumnElement, select, tuple_
from sqlmodel import SQLModel, col

from app.domain import limits
from app.store import events
from app.store.db import Tx
from app.store.deliverable_tables import DeliverableRow
from app.store.finding_tables import FindingRow
from app.store.host_tables import HostRow
from app.store.project_flag_tables import ProjectFlagRow
from app.store.saved_state_tables import SavedStateRow
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import (
    AskerRow,
    AttentionRow,
    CommandRow,
    ContextItemRow,
    DependencyRow,
    EventRow,
    LogLineRow,
    PhaseRow,
    PipelineRow,
    ProjectRow,
    RunRow,
    SubtaskRow,
    TaskRow,
    WorkerRow,
)
from app.store.token_tables import TokenRow
from app.store.tool_tables import ToolCallRow
from app.store.usage_tables import UsageRow, UsageSumRow

FORMAT: Final = 1
"""Grows when lines change in a way that their readers would notice."""

PIECE: Final = 64 * 1024
"""Characters of a plan's text in one line: no line takes long to write, however long the plan is."""

Line = dict[str, Any]
Scope = Callable[[str], ColumnElement[bool]]


@dataclass(frozen=True)
class Section:
    """The lines of one type: rows of a table, ordered by their primary key.

    `rows` is a page: small where rows may be large. `scope` says which rows are of a project; None where they are of none,
    and shown to those only who may see every project. `without` names columns that are not shown.
    """

    name: str
    table: type[SQLModel]
    rows: int
    scope: Scope | None
    without: frozenset[str] = frozenset()
    lines: Callable[[Line], Iterator[Line]] = lambda line: iter((line,))

    @property
    def columns(self) -> list[Any]:
        every = self.table.__table__.columns  # type: ignore[attr-defined]
        return [column for column in every if column.name not in self.without]

    @property
    def keys(self) -> list[Any]:
        return list(self.table.__table__.primary_key.columns)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Page:
    """`last` is the key to go on from; None where the section is at its end."""

    lines: list[bytes]
    last: tuple[Any, ...] | None


def _runs_of(project_id: str) -> Any:
    return select(col(RunRow.id)).where(col(RunRow.project_id) == project_id)


def _by_project(column: Any) -> Scope:
    return lambda project_id: column == project_id


def _by_run(column: Any) -> Scope:
    return lambda project_id: column.in_(_runs_of(project_id))


def _by(column: Any, parent: Any, run_id: Any) -> Scope:
    return lambda project_id: column.in_(select(parent).where(run_id.in_(_runs_of(project_id))))


def _names_alone(line: Line) -> Iterator[Line]:
    """The names of the variables that a worker was given: their values may be secrets."""
    yield {**line, "environment": sorted(line["environment"])}


def _unsealed(line: Line) -> Iterator[Line]:
    """What was kept of an agent as it was written, whether or not it still holds."""
    yield {**line, "body": line["body"].decode(errors="replace"), "digest": line["digest"].hex()}


def _pieces(line: Line) -> Iterator[Line]:
    text = line.pop("planText")
    for part, start in enumerate(range(0, len(text), PIECE), 1):
        yield {"type": line["type"], "runId": line["id"], "part": part, "text": text[start : start + PIECE]}


_TEXT_OF_A_PLAN: Final = frozenset(RunRow.model_fields) - {"id", "plan_text"}

SECTIONS: Final[Sequence[Section]] = (
    Section("Project", ProjectRow, 500, _by_project(col(ProjectRow.id))),
    Section("ProjectFlag", ProjectFlagRow, 500, _by_project(col(ProjectFlagRow.project_id))),
    Section("Host", HostRow, 500, None),
    Section("Run", RunRow, 200, _by_project(col(RunRow.project_id)), without=frozenset({"plan_text"})),
    Section("PlanText", RunRow, 4, _by_project(col(RunRow.project_id)), _TEXT_OF_A_PLAN, _pieces),
    Section("Supervisor", SupervisorRow, 500, _by_run(col(SupervisorRow.run_id))),
    Section(
        "SavedState",
        SavedStateRow,
        20,
        _by(col(SavedStateRow.supervisor_id), col(SupervisorRow.id), col(SupervisorRow.run_id)),
        lines=_unsealed,
    ),
    Section("Phase", PhaseRow, 500, _by_run(col(PhaseRow.run_id))),
    Section("Deliverable", DeliverableRow, 500, _by_run(col(DeliverableRow.run_id))),
    Section("Task", TaskRow, 250, _by_run(col(TaskRow.run_id))),
    Section("Dependency", DependencyRow, 1000, _by_run(col(DependencyRow.run_id))),
    Section("Subtask", SubtaskRow, 500, _by(col(SubtaskRow.task_id), col(TaskRow.id), col(TaskRow.run_id))),
    Section("Finding", FindingRow, 20, _by(col(FindingRow.task_id), col(TaskRow.id), col(TaskRow.run_id))),
    Section("Worker", WorkerRow, 100, _by_run(col(WorkerRow.run_id)), lines=_names_alone),
    Section(
        "ToolCall",
        ToolCallRow,
        200,
        _by(col(ToolCallRow.worker_id), col(WorkerRow.id), col(WorkerRow.run_id)),
    ),
    Section("Usage", UsageRow, 500, _by_project(col(UsageRow.project_id))),
    Section("UsageSum", UsageSumRow, 500, _by_run(col(UsageSumRow.run_id))),
    Section("AttentionItem", AttentionRow, 100, _by_run(col(AttentionRow.run_id))),
    Section(
        "Asker",
        AskerRow,
        500,
        _by(col(AskerRow.attention_id), col(AttentionRow.id), col(AttentionRow.run_id)),
    ),
    Section("ContextItem", ContextItemRow, 20, _by_run(col(ContextItemRow.run_id))),
    Section(
        "Command",
        CommandRow,
        100,
        _by_project(col(CommandRow.project_id)),
        without=frozenset({"actor_id", "digest", "result"}),
    ),
    Section("Token", TokenRow, 500, _by_project(col(TokenRow.project_id)), without=frozenset({"digest"})),
    Section("Pipeline", PipelineRow, 1, None),
)
"""In the order of their lines: nothing comes before what it belongs to."""

HISTORY: Final[Mapping[str, Section]] = {
    "events": Section("Event", EventRow, 500, _by_project(col(EventRow.project_id))),
    "logs": Section(
        "LogLine",
        LogLineRow,
        500,
        _by(col(LogLineRow.worker_id), col(WorkerRow.id), col(WorkerRow.run_id)),
    ),
}
"""What is asked for by name: how it came to be so, and what agents have printed."""

LEFT_OUT: Final[Mapping[str, str]] = {
    "signing_key": "It is a secret.",
    "lease": "It says who does something at this moment: nothing that lasts.",
    "skill": "A cache, made again from the files.",
    "skeleton": "A cache, made again from the files.",
    "context_file": "A cache, made again from the files.",
    "context_index": "A cache, made again from the files.",
}
"""Tables that are in no dump, and why."""


def begin(tx: Tx, *, project_id: str | None, include: Sequence[str] = ()) -> Line:
    """The first line: to which position of the log what follows can be brought up to date, and by whom it was written."""
    return {
        "type": "Begin",
        "format": FORMAT,
        "version": version("trackside"),
        "cursor": str(events.head(tx)),
        "at": _shown(tx.now),
        "projectId": project_id,
        "include": list(include),
    }


def page(
    tx: Tx, section: Section, after: tuple[Any, ...] | None, *, project_id: str | None, rows: int = 0
) -> Page:
    """The next rows of a section as lines that end in a newline."""
    size, keys = rows or section.rows, section.keys
    if project_id is not None and section.scope is None:
        return Page([], None)
    query = select(*section.columns).order_by(*keys).limit(size)
    if project_id is not None and section.scope is not None:
        query = query.where(section.scope(project_id))
    if after is not None:
        beyond = tuple_(*keys) > tuple_(*after) if len(keys) > 1 else keys[0] > after[0]
        query = query.where(beyond)
    found = tx.session.connection().execute(query).all()
    names = ["type", *(_camel(column.name) for column in section.columns)]
    lines = [
        encoded(line)
        for row in found
        for line in section.lines(dict(zip(names, (section.name, *row), strict=True)))
    ]
    last = tuple(getattr(found[-1], key.name) for key in keys) if len(found) == size else None
    return Page(lines, last)


def encoded(line: Line) -> bytes:
    return _JSON.encode(line).encode("utf-8", "replace") + b"\n"


def document(tx: Tx, *, project_id: str | None) -> Line:
    """The same as one value, as far as it fits: read in one transaction, so true of one position of the log."""
    found: list[Line] = []
    counts: dict[str, int] = {}
    room, truncated = limits.STATE_BYTES, False
    for section in SECTIONS:
        last: tuple[Any, ...] | None = None
        while not truncated:
            left = limits.STATE_LINES - len(found)
            part = page(tx, section, last, project_id=project_id, rows=min(section.rows, left + 1))
            for line in part.lines:
                room -= len(line)
                if room < 0 or len(found) == limits.STATE_LINES:
                    truncated = True
                    break
                found.append(json.loads(line))
                counts[section.name] = counts.get(section.name, 0) + 1
            last = part.last
            if last is None:
                break
    return {
        **begin(tx, project_id=project_id),
        "type": "State",
        "lines": found,
        "counts": counts,
        "truncated": truncated,
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is in no dump")


_JSON: Final = json.JSONEncoder(default=_shown, ensure_ascii=False, separators=(",", ":"))
