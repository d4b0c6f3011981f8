"""Who looks after each run."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey
from sqlmodel import Field, SQLModel

from app.store.columns import Instant, json_column


class SupervisorRow(SQLModel, table=True):
    """One for each run. `agent` is who reports for it, by the id of its token; null while that is the built-in one.

    With a `runtime` it is a process that Trackside starts: `worker_id` is the one that lives, `starts_at` when the next
    is due, `recent_restarts` when it was started again by itself lately. Without one, an agent that was restarted has no
    token yet: whoever beats first is it. Silence counts from `listened_since` at the earliest. `saves` counts its saved
    states. `restoration` are the steps by which it was last brought back.
    """

    __tablename__ = "supervisor"

    id: str = Field(primary_key=True)
    run_id: str = Field(
        sa_column=Column(ForeignKey("run.id", ondelete="CASCADE"), unique=True, nullable=False)
    )
    state: str
    is_agent: bool = Field(default=False, index=True)
    agent: str | None = None
    runtime: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    worker_id: str | None = Field(default=None, unique=True)
    starts_at: datetime | None = Field(default=None, sa_type=Instant, index=True)
    recent_restarts: list[str] = Field(default_factory=list, sa_column=json_column())
    activity: str | None = None
    progress: int = 0
    pending_tasks: list[str] = Field(default_factory=list, sa_column=json_column())
    restarts: int = 0
    listened_since: datetime | None = Field(default=None, sa_type=Instant)
    last_heartbeat_at: datetime | None = Field(default=None, sa_type=Instant)
    saved_at: datetime | None = Field(default=None, sa_type=Instant)
    saves: int = 0
    restoration: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
