"""The table of what phases owe."""

from datetime import datetime

from sqlalchemy import Column, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.store.columns import Instant, link


class DeliverableRow(SQLModel, table=True):
    """`changed_by` is who completed or waived it last; nobody has while it is PENDING."""

    __tablename__ = "deliverable"
    __table_args__ = (UniqueConstraint("phase_id", "key"), UniqueConstraint("phase_id", "ordinal"))

    id: str = Field(primary_key=True)
    run_id: str = Field(sa_column=link("run"))
    phase_id: str = Field(sa_column=link("phase", index=False))
    ordinal: int
    key: str
    title: str
    required: bool = True
    status: str
    evidence: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    reason: str | None = None
    changed_by: str | None = None
    changed_at: datetime | None = Field(default=None, sa_type=Instant)
