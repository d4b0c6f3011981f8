"""The index of projects' files as context: a cache, made again from the files whenever they change."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.store.tables import Instant


class ContextIndexRow(SQLModel, table=True):
    """`wanted_at` is when somebody last asked for the index, `looked_at` when the files were last looked at."""

    __tablename__ = "context_index"

    project_id: str = Field(sa_column=Column(ForeignKey("project.id", ondelete="CASCADE"), primary_key=True))
    wanted_at: datetime = Field(sa_type=Instant)
    looked_at: datetime | None = Field(default=None, sa_type=Instant)


class ContextFileRow(SQLModel, table=True):
    """`size` and `modified_ns` are those of the file as it was last read or seen."""

    __tablename__ = "context_file"
    __table_args__ = (
        UniqueConstraint("project_id", "path"),
        Index("ix_context_file_project_state", "project_id", "state", "path"),
    )

    id: str = Field(primary_key=True)
    project_id: str = Field(sa_column=Column(ForeignKey("project.id", ondelete="CASCADE"), nullable=False))
    path: str = Field(sa_column=Column(Text, nullable=False))
    state: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    modified_ns: int = Field(sa_column=Column(BigInteger, nullable=False))
    digest: str = ""
    language: str | None = None
    tokens: int | None = None
    skeleton_tokens: int | None = None
    error: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class SkeletonRow(SQLModel, table=True):
    """A skeleton by the digest of the text that it was made of."""

    __tablename__ = "skeleton"

    digest: str = Field(primary_key=True)
    text: str = Field(sa_column=Column(Text, nullable=False))
    tokens: int
    made_at: datetime = Field(sa_type=Instant)
