"""Tables and SQL. Functions here take an open transaction and never commit."""

from app.store import (
    attention,
    commands,
    context,
    events,
    findings,
    ids,
    orders,
    paging,
    phases,
    pipeline,
    projects,
    runs,
    subtasks,
    tasks,
    tokens,
    workers,
)

__all__ = [
    "attention",
    "commands",
    "context",
    "events",
    "findings",
    "ids",
    "orders",
    "paging",
    "phases",
    "pipeline",
    "projects",
    "runs",
    "subtasks",
    "tasks",
    "tokens",
    "workers",
]
