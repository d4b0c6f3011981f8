"""The tables of what agents have used."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from app.store.columns import Instant, link


class UsageRow(SQLModel, table=True):
    """What a worker has used of a model in an hour; the day is kept so that both databases group by it alike."""

    __tablename__ = "usage"
    __table_args__ = (
        Index("ix_usage_project", "project_id", "hour"),
        Index("ix_usage_run", "run_id", "hour"),
        Index("ix_usage_task", "task_id", "hour"),
        Index("ix_usage_hour", "hour"),
    )

    worker_id: str = Field(sa_column=Column(ForeignKey("worker.id", ondelete="CASCADE"), primary_key=True))
    model: str = Field(primary_key=True)
    hour: datetime = Field(sa_type=Instant, primary_key=True)
    day: datetime = Field(sa_type=Instant)
    project_id: str = Field(sa_column=link("project", index=False))
    run_id: str = Field(sa_column=link("run", index=False))
    task_id: str | None = Field(default=None, sa_column=link("task", index=False, nullable=True))
    input_tokens: int = Field(default=0, sa_type=BigInteger)
    output_tokens: int = Field(default=0, sa_type=BigInteger)
    cache_read_tokens: int = Field(default=0, sa_type=BigInteger)
    cache_write_tokens: int = Field(default=0, sa_type=BigInteger)
    cost: int = Field(default=0, sa_type=BigInteger)


class UsageSumRow(SQLModel, table=True):
    """All that was ever used by a worker, for a task or in a run, which is its `owner_id`."""

    __tablename__ = "usage_sum"

    owner_id: str = Field(primary_key=True)
    run_id: str = Field(sa_column=link("run"))
    input_tokens: int = Field(default=0, sa_type=BigInteger)
    output_tokens: int = Field(default=0, sa_type=BigInteger)
    cache_read_tokens: int = Field(default=0, sa_type=BigInteger)
    cache_write_tokens: int = Field(default=0, sa_type=BigInteger)
    cost: int = Field(default=0, sa_type=BigInteger)
