"""The table of what tools agents have called."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.store.tables import Instant


class ToolCallRow(SQLModel, table=True):
    """`key` is what the agent names the call by; `started_at` and `duration_ms` are by its runner's clock."""

    __tablename__ = "tool_call"
    __table_args__ = (
        UniqueConstraint("worker_id", "key"),
        Index("ix_tool_call_worker", "worker_id", "id"),
        Index("ix_tool_call_open", "worker_id", "status"),
    )

    id: str = Field(primary_key=True)
    worker_id: str = Field(sa_column=Column(ForeignKey("worker.id", ondelete="CASCADE"), nullable=False))
    key: str
    name: str
    input_summary: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    status: str
    started_at: datetime = Field(sa_type=Instant)
    duration_ms: int | None = None
    error: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
