"""Skills as they were last read from disk, so that a worker's prompt is written in one transaction."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Text
from sqlmodel import Field, SQLModel

from app.store.tables import Instant


class SkillRow(SQLModel, table=True):
    """One that a project's tasks may name: the project's own, or the user's."""

    __tablename__ = "skill"

    project_id: str = Field(sa_column=Column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True))
    name: str = Field(primary_key=True)
    version: str
    role: str
    description: str = Field(sa_column=Column(Text, nullable=False))
    text: str = Field(sa_column=Column(Text, nullable=False))
    digest: str
    read_at: datetime = Field(sa_type=Instant)
