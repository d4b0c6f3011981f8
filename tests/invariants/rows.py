"""The rows that the rules judge, read once, and the rules."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import JSON, Table, Text
from sqlmodel import SQLModel

from app.store.db import Tx

Row = Any


@dataclass
class Look:
    """Every row of the small tables, read once."""

    rows: dict[str, dict[str, Row]]
    needs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    askers: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    of_run: dict[str, dict[str, list[Row]]] = field(default_factory=dict)
    used: list[Row] = field(default_factory=list)
    sums: dict[str, Row] = field(default_factory=dict)
    saved: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def __getattr__(self, table: str) -> dict[str, Row]:
        return self.rows[table]

    def held_by(self, worker_id: str) -> list[Row]:
        """Open items that a worker waits for."""
        return [
            item
            for item in self.attention.values()
            if item.status == "OPEN" and any(asker.worker_id == worker_id for asker in self.askers[item.id])
        ]


def look(tx: Tx) -> Look:
    connection = tx.session.connection()

    def read(name: str) -> list[Row]:
        """As the driver gives them: no rule looks into a value that would have to be decoded."""
        columns = ", ".join(f'"{column.name}"' for column in _columns(SQLModel.metadata.tables[name]))
        return list(connection.exec_driver_sql(f'SELECT {columns} FROM "{name}"'))

    names = (
        "run",
        "phase",
        "deliverable",
        "task",
        "worker",
        "attention",
        "command",
        "context_item",
        "supervisor",
    )
    found = Look({name: {row.id: row for row in read(name)} for name in names})
    found.used = read("usage")
    found.sums = {row.owner_id: row for row in read("usage_sum")}
    for state in read("saved_state"):
        found.saved[state.supervisor_id].append(state)
    for edge in read("dependency"):
        found.needs[edge.task_id].add(edge.needs_id)
    for asker in read("asker"):
        found.askers[asker.attention_id].append(asker)
    for run_id in found.run:
        found.of_run[run_id] = {
            name: [row for row in found.rows[name].values() if row.run_id == run_id]
            for name in ("phase", "deliverable", "task", "worker", "attention")
        }
    return found


_SMALL = ("runtime", "gate_tasks", "restoration", "paths", "subject", "answer")


def value(column: Any) -> Any:
    """What a JSON column holds: some drivers give it as text."""
    return json.loads(column) if isinstance(column, str) else column


def _columns(table: Table) -> list[Any]:
    """All but the bulky ones, which no rule looks at."""
    return [column for column in table.c if not isinstance(column.type, Text | JSON) or column.name in _SMALL]


Rule = Callable[[Look], Iterator[str]]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function
