"""Tables of what servers share: who leads, and where workers run."""

from datetime import datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from app.store.tables import Instant


class HostRow(SQLModel, table=True):
    """`present` says whether it was there when somebody last looked, so that coming and going is told once."""

    __tablename__ = "host"

    id: str = Field(primary_key=True)
    name: str
    slots: int
    labels: list[str] = Field(default_factory=list, sa_column=Column(JSON(none_as_null=True), nullable=False))
    present: bool = True
    draining: bool = False
    registered_at: datetime = Field(sa_type=Instant)
    last_seen_at: datetime = Field(sa_type=Instant)


class LeaseRow(SQLModel, table=True):
    """`session` is the process that holds it, on the host `holder`; `fence` grows whenever another process takes it."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True)
    holder: str
    session: str
    fence: int
    expires_at: datetime = Field(sa_type=Instant)
