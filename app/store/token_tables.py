"""Credentials, and what they are made of."""

from datetime import datetime

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel

from app.store.columns import Instant, link


class TokenRow(SQLModel, table=True):
    """A credential. Only the SHA-256 of the secret is kept.

    With a run or a worker it is good for that alone; with a worker only at this fence, while the worker lives.
    """

    __tablename__ = "token"

    id: str = Field(primary_key=True)
    name: str
    role: str
    digest: str = Field(unique=True)
    project_id: str | None = Field(default=None, sa_column=link("project", nullable=True))
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)
    run_id: str | None = Field(default=None, sa_column=link("run", nullable=True))
    worker_id: str | None = Field(default=None, sa_column=link("worker", nullable=True))
    fence: int | None = None


class SigningKeyRow(SQLModel, table=True):
    """What workers' and runners' tokens are derived from, so that a restarted server can give the same again."""

    __tablename__ = "signing_key"

    id: str = Field(primary_key=True)
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_type=Instant)
