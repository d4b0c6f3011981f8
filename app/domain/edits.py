"""One step of a change to a running DAG. Tasks are named by their keys in the plan.

None means "leave as it is".
"""

from dataclasses import dataclass, field
from typing import Any

from app.domain.budgets import Limit


@dataclass(frozen=True, slots=True)
class AddTask:
    key: str
    title: str
    description: str = ""
    phase: str | None = None
    depends_on: list[str] = field(default_factory=list)
    priority: int = 0
    max_attempts: int = 1
    timeout_seconds: int | None = None
    runtime: dict[str, Any] | None = None
    skill: str | None = None
    budget: int | None = None
    paths: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RemoveTask:
    task: str
    kill_worker: bool = False


@dataclass(frozen=True, slots=True)
class AddDependency:
    task: str
    depends_on: str


@dataclass(frozen=True, slots=True)
class RemoveDependency:
    task: str
    depends_on: str


@dataclass(frozen=True, slots=True)
class EditTask:
    task: str
    title: str | None = None
    description: str | None = None
    phase: str | None = None
    priority: int | None = None
    max_attempts: int | None = None
    timeout_seconds: int | None = None
    runtime: dict[str, Any] | None = None
    skill: str | None = None
    budget: Limit | None = None
    paths: list[str] | None = None


Edit = AddTask | RemoveTask | AddDependency | RemoveDependency | EditTask
