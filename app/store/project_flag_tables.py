"""What projects have set."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Text
from sqlmodel import Field, SQLModel

from app.store.columns import Instant


class ProjectFlagRow(SQLModel, table=True):
    """A flag that a project has set; where there is none, the server's setting or the default holds.

    `value` is JSON as text, so that it can be compared where the engine looks for projects.
    """

    __tablename__ = "project_flag"
    __table_args__ = (Index("ix_project_flag_name", "name", "project_id"),)

    project_id: str = Field(sa_column=Column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True))
    name: str = Field(primary_key=True)
    value: str = Field(sa_column=Column(Text, nullable=False))
    changed_at: datetime = Field(sa_type=Instant)
