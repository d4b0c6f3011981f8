"""Writes. One function is one transaction and leaves at least one fact in the log."""

from app.commands import (
    attention,
    audit,
    context,
    dag,
    findings,
    hosts,
    pipeline,
    plans,
    projects,
    reports,
    runs,
    scheduling,
    subtasks,
    tasks,
    tokens,
    workers,
)

__all__ = [
    "attention",
    "audit",
    "context",
    "dag",
    "findings",
    "hosts",
    "pipeline",
    "plans",
    "projects",
    "reports",
    "runs",
    "scheduling",
    "subtasks",
    "tasks",
    "tokens",
    "workers",
]
