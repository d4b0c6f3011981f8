"""The table of what workers and people leave behind under a task."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Text
from sqlmodel import Field, SQLModel

from app.store.tables import Instant


class FindingRow(SQLModel, table=True):
    """A document under a task. It is never changed."""

    __tablename__ = "finding"
    __table_args__ = (Index("ix_finding_task", "task_id", "id"),)

    id: str = Field(primary_key=True)
    task_id: str = Field(sa_column=Column(ForeignKey("task.id", ondelete="CASCADE"), nullable=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    content: str = Field(sa_column=Column(Text, nullable=False))
    actor: str
    at: datetime = Field(sa_type=Instant)
