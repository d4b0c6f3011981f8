"""Every table. Rows are plain records: rules live in the domain, statements in the modules beside this one."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from app.domain.conflicts import ConflictPolicy
from app.store.budget_columns import Budgeted, Reserving
from app.store.columns import Instant as Instant, json_column as _json, link as _link


class ProjectRow(SQLModel, table=True):
    __tablename__ = "project"

    id: str = Field(primary_key=True)
    name: str
    root: str
    created_at: datetime = Field(sa_type=Instant)


class PipelineRow(SQLModel, table=True):
    """One row: whether anything is dispatched at all."""

    __tablename__ = "pipeline"

    id: str = Field(primary_key=True)
    paused: bool = False
    reason: str | None = None


class RunRow(Reserving, table=True):
    """`version` grows with every change a client's command or a phase change makes.

    The counters say how many of the run's tasks are in each status and how many workers live; the one that looks after
    the run is not counted.
    """

    __tablename__ = "run"
    __table_args__ = (Index("ix_run_status", "status"),)

    id: str = Field(primary_key=True)
    project_id: str = Field(sa_column=_link("project"))
    name: str
    status: str
    status_reason: str | None = None
    version: int = 1
    max_workers: int = 4
    phase_guard: bool = False  # for phases that do not say so themselves
    auto_advance: bool = True
    auto_complete: bool = True
    conflict_policy: str = ConflictPolicy.ASK
    runtime: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    urgency: str | None = None  # how the pause or stop under way is to be done
    plan_path: str | None = None
    plan_format: str | None = None
    plan_hash: str = ""
    plan_text: str = Field(default="", sa_column=Column(Text, nullable=False))
    phase_id: str | None = None
    created_at: datetime = Field(sa_type=Instant)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    completed_at: datetime | None = Field(default=None, sa_type=Instant)
    last_activity_at: datetime = Field(sa_type=Instant)
    stale_announced_at: datetime | None = Field(default=None, sa_type=Instant)
    pending: int = 0
    ready: int = 0
    running: int = 0
    waiting: int = 0
    blocked: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0
    live_workers: int = 0
    open_attention: int = 0
    cost: int = Field(default=0, sa_type=BigInteger)  # the same as in its sum, to be ordered by


class PhaseRow(SQLModel, table=True):
    """`requirement` with `minimum` or `gate_tasks` is what its gate asks of its tasks; the counters are what it is judged by.

    `unfinished`, `done`, `failed`, `running` and `cancelled` count its tasks, `named_left` the named ones that are not done, `owed` the
    required deliverables that are pending. `guard` is None where the run decides.
    """

    __tablename__ = "phase"
    __table_args__ = (UniqueConstraint("run_id", "key"), UniqueConstraint("run_id", "ordinal"))

    id: str = Field(primary_key=True)
    run_id: str = Field(sa_column=_link("run", index=False))
    ordinal: int
    key: str
    title: str
    status: str
    requirement: str = "ALL"
    minimum: int | None = None
    gate_tasks: list[str] | None = Field(default=None, sa_column=_json(nullable=True))
    guard: bool | None = None
    unfinished: int = 0
    done: int = 0
    failed: int = 0
    running: int = 0
    cancelled: int = 0
    named_left: int = 0
    owed: int = 0
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    completed_at: datetime | None = Field(default=None, sa_type=Instant)
    confirmed_by: str | None = None


class TaskRow(Budgeted, table=True):
    """`waiting_for` counts dependencies that are not satisfied yet; `worker_id` is the live worker, if any.

    `depth` is the length of the longest chain of dependencies before it: every task is deeper than what it waits for.
    `beyond_budget`: it is ready, but no budget has room for it, and nobody is to look again until a limit is another.
    """

    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint("run_id", "key"),
        Index("ix_task_run_ordinal", "run_id", "ordinal"),
        Index("ix_task_phase_status", "phase_id", "status"),
        Index("ix_task_depth", "run_id", "depth", "ordinal"),
        Index("ix_task_claim", "run_id", "status", "priority", "ordinal"),
    )

    id: str = Field(primary_key=True)
    run_id: str = Field(sa_column=_link("run", index=False))
    phase_id: str = Field(sa_column=_link("phase", index=False))
    ordinal: int
    key: str
    title: str
    description: str = Field(default="", sa_column=Column(Text, nullable=False))
    status: str
    status_reason: str | None = None
    priority: int = 0
    depth: int = 0
    waiting_for: int = 0
    attempts: int = 0
    max_attempts: int = 1
    failures: int = 0  # since the last success or retry by hand; decides the back-off
    not_before: datetime | None = Field(default=None, sa_type=Instant)
    beyond_budget: bool = False
    timeout_seconds: int | None = None
    runtime: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    paths: list[str] = Field(default_factory=list, sa_column=_json())
    skill: str | None = None
    last_error: str | None = None
    worker_id: str | None = None
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    completed_at: datetime | None = Field(default=None, sa_type=Instant)


class DependencyRow(SQLModel, table=True):
    __tablename__ = "dependency"

    task_id: str = Field(sa_column=Column(ForeignKey("task.id", ondelete="CASCADE"), primary_key=True))
    needs_id: str = Field(
        sa_column=Column(ForeignKey("task.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    run_id: str = Field(sa_column=_link("run"))


class SubtaskRow(SQLModel, table=True):
    __tablename__ = "subtask"
    __table_args__ = (Index("ix_subtask_task", "task_id", "ordinal"),)

    id: str = Field(primary_key=True)
    task_id: str = Field(sa_column=_link("task", index=False))
    ordinal: int
    title: str = Field(sa_column=Column(Text, nullable=False))
    completed: bool = False


class WorkerRow(Reserving, table=True):
    """`fence` is the attempt it was started for; `reports` the highest report number taken from its runner.

    `desire` with `revision` is what the control plane wants of it; `seen` the revision its runner has read. `untold` is what it
    has used since the log told so, at `told_at`. `role` is that of its agent's token: ORCHESTRATOR for the one that looks
    after its run. `asking` are the requests for permission that its agent has no answer to yet: by the runner's number the
    item, "" for none. `session_id` is, of one that looks after its run, the session of its own that it has, and until it says so the
    one that it is to resume.
    """

    __tablename__ = "worker"
    __table_args__ = (
        Index("ix_worker_status", "status"),
        Index("ix_worker_run", "run_id", "id"),
        Index("ix_worker_host", "host_id", "id"),
    )

    id: str = Field(primary_key=True)
    run_id: str = Field(sa_column=_link("run", index=False))
    task_id: str | None = Field(default=None, sa_column=_link("task", nullable=True))
    name: str
    role: str = "WORKER"
    status: str
    status_reason: str | None = None
    runtime: dict[str, Any] = Field(sa_column=_json())
    environment: dict[str, str] = Field(default_factory=dict, sa_column=_json())
    skill: str | None = None
    session_id: str | None = None
    prompt: str = Field(default="", sa_column=Column(Text, nullable=False))
    timeout_seconds: int | None = None
    fence: int = 1
    reports: int = 0
    desire: str
    grace_seconds: int = 10
    revision: int = 1
    seen: int = 0
    pid: int | None = None
    process_created: float | None = None
    exit_code: int | None = None
    current_activity: str | None = None
    progress: int | None = None
    asking: dict[str, str] = Field(default_factory=dict, sa_column=_json())
    log_lines: int = 0
    model: str | None = None  # which its agent has used last
    untold: dict[str, int] | None = Field(default=None, sa_column=_json(nullable=True))
    told_at: datetime | None = Field(default=None, sa_type=Instant)
    host_id: str | None = None  # where it runs; only that host starts and ends it
    host_labels: list[str] = Field(default_factory=list, sa_column=_json())  # which that host has to have
    created_at: datetime = Field(sa_type=Instant)
    dispatched_at: datetime | None = Field(default=None, sa_type=Instant)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    last_heartbeat_at: datetime | None = Field(default=None, sa_type=Instant)


class LogLineRow(SQLModel, table=True):
    """Bulk, beside the event log: numbered per worker, written in batches."""

    __tablename__ = "log_line"

    worker_id: str = Field(sa_column=Column(ForeignKey("worker.id", ondelete="CASCADE"), primary_key=True))
    n: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    stream: str
    text: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = Field(sa_type=Instant)


class AttentionRow(SQLModel, table=True):
    """`merge_key` is set while the item is open: the same question in the same run joins it. `subject` is what the control
    plane has to remember of what it asked itself.
    """

    __tablename__ = "attention"
    __table_args__ = (
        UniqueConstraint("run_id", "merge_key"),
        Index("ix_attention_order", "status", "blocked_tasks", "id"),
        Index("ix_attention_expiry", "status", "expires_at"),
    )

    id: str = Field(primary_key=True)
    run_id: str = Field(sa_column=_link("run", index=False))
    kind: str
    status: str
    title: str = Field(sa_column=Column(Text, nullable=False))
    detail: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    options: list[str] = Field(default_factory=list, sa_column=_json())
    answer_schema: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    subject: dict[str, Any] | None = Field(default=None, sa_column=_json(nullable=True))
    has_default: bool = False
    default_answer: Any = Field(default=None, sa_column=_json(nullable=True))
    answer: Any = Field(default=None, sa_column=_json(nullable=True))
    answered_by: str | None = None
    merge_key: str | None = None
    question_key: str = Field(default="", index=True)
    blocked_tasks: int = 0
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)


class AskerRow(SQLModel, table=True):
    """Who waits for an item: one row a task or worker that asked the same.

    With a `supervisor_id` it was the run's supervising agent, last after so many `restarts`.
    """

    __tablename__ = "asker"
    __table_args__ = (UniqueConstraint("attention_id", "task_id", "worker_id"),)

    id: str = Field(primary_key=True)
    attention_id: str = Field(sa_column=_link("attention"))
    task_id: str | None = Field(default=None, sa_column=_link("task", nullable=True))
    worker_id: str | None = Field(default=None, sa_column=_link("worker", nullable=True))
    supervisor_id: str | None = Field(default=None, sa_column=_link("supervisor", nullable=True))
    restarts: int = 0


class ContextItemRow(SQLModel, table=True):
    """Given to a worker, or kept for a task's next worker while `worker_id` is empty."""

    __tablename__ = "context_item"

    id: str = Field(primary_key=True)
    run_id: str = Field(sa_column=_link("run"))
    task_id: str | None = Field(default=None, sa_column=_link("task", nullable=True))
    worker_id: str | None = Field(default=None, sa_column=_link("worker", nullable=True))
    command_id: str
    kind: str
    path: str | None = None
    content: str = Field(sa_column=Column(Text, nullable=False))
    tokens: int
    created_at: datetime = Field(sa_type=Instant)
    delivered_at: datetime | None = Field(default=None, sa_type=Instant)


class CommandRow(SQLModel, table=True):
    """A request to change something and what became of it: the audit trail.

    `actor_id`, `verb` and `idempotency_key` name an answer that is given again; `result` is that answer. With a
    `supervisor_id` the actor was its agent, and whoever is that later is answered again too.
    """

    __tablename__ = "command"
    __table_args__ = (
        UniqueConstraint("actor_id", "verb", "idempotency_key"),
        Index("ix_command_worker", "worker_id", "status"),
        Index("ix_command_run", "run_id", "id"),
        Index("ix_command_supervisor", "supervisor_id", "verb", "idempotency_key"),
    )

    id: str = Field(primary_key=True)
    verb: str
    actor: str
    actor_id: str
    supervisor_id: str | None = None
    reason: str | None = None
    status: str
    project_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    worker_id: str | None = None
    idempotency_key: str | None = None
    input: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    digest: str = ""
    result: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
    revision: int | None = None  # of the worker's orders that carry it
    error_code: str | None = None
    error: str | None = None
    at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


BEAT = text("kind = 'HeartbeatReceived'")
"""Which facts the indexes of heartbeats are of: they are pruned, and are the history of a supervisor."""

TOLD = text("kind <> 'HeartbeatReceived'")
"""The others. Without an index of their own, whoever wants the newest ten of them reads past a day of heartbeats."""


class EventRow(SQLModel, table=True):
    """One fact. `seq` is its position; numbers may have gaps, never another order than that of the commits."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_run", "run_id", "seq"),
        Index("ix_event_project", "project_id", "seq"),
        Index("ix_event_told", "seq", sqlite_where=TOLD, postgresql_where=TOLD),
        Index("ix_event_told_of_project", "project_id", "seq", sqlite_where=TOLD, postgresql_where=TOLD),
        Index("ix_event_beat", "at", sqlite_where=BEAT, postgresql_where=BEAT),
        Index("ix_event_beat_of_run", "run_id", "seq", sqlite_where=BEAT, postgresql_where=BEAT),
        {"sqlite_autoincrement": True},
    )

    seq: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    kind: str
    at: datetime = Field(sa_type=Instant)
    actor: str | None = None
    project_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    worker_id: str | None = None
    run_status: str | None = None
    data: dict[str, Any] = Field(default_factory=dict, sa_column=_json())
