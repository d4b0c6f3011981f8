"""Who looks after each run."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey
from sqlmodel import Field, SQLModel

from app.store.columns import Instant, json_column


class SupervisorRow(SQLModel, table=True):
    """One for each run. `agent` is who reports for it, by the id of its token; null while that is the built-in one.

    An agent that was restarted has no token yet: whoever beats first is it. `saved` is what it knew at `saved_at`.
    """

    __tablename__ = "supervisor"

    id: str = Field(primary_key=True)
    run_id: str = Field(
        sa_column=Column(ForeignKey("run.id", ondelete="CASCADE"), unique=True, nullable=False)
    )
    state: str
    is_agent: bool = Field(default=False, index=True)
    agent: str | None = None
    activity: str | None = None
    progress: int = 0
    pending_tasks: list[str] = Field(default_factory=list, sa_column=json_column())
    restarts: int = 0
    restarted_at: datetime | None = Field(default=None, sa_type=Instant)
    last_heartbeat_at: datetime | None = Field(default=None, sa_type=Instant)
    saved: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    saved_at: datetime | None = Field(default=None, sa_type=Instant)
