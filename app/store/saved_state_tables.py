"""What is kept of agents that look after runs."""

from sqlalchemy import Column, ForeignKey, Integer
from sqlmodel import Field, SQLModel

from app.store.columns import Raw


class SavedStateRow(SQLModel, table=True):
    """State `n` of a supervisor, sealed: `body` with its `digest`. `slot` 0 is of the last heartbeat, the others go round.

    They are read as whatever bytes are there: what was altered is found by its digest, and fails nobody.
    """

    __tablename__ = "saved_state"

    supervisor_id: str = Field(
        sa_column=Column(ForeignKey("supervisor.id", ondelete="CASCADE"), primary_key=True)
    )
    slot: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    n: int
    body: bytes = Field(sa_column=Column(Raw, nullable=False))
    digest: bytes = Field(sa_column=Column(Raw, nullable=False))
