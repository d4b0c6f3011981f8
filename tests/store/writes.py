"""Small transactions to try a database with."""

from sqlmodel import col, select

from app import store
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.store.db import Tx
from app.store.tables import EventRow, ProjectRow


def note(tx: Tx, text: str) -> None:
    """Append a fact that holds this text."""
    store.events.append(tx, EventKind.PIPELINE_CHANGED, reason=text)


def add_project(tx: Tx, name: str, facts: int = 1) -> str:
    store.projects.add(tx, name=name, root="/")
    for number in range(facts):
        note(tx, f"{name}.{number}")
    return name


def refuse(tx: Tx, name: str, facts: int = 1) -> str:
    """Refused after all is written."""
    add_project(tx, name, facts)
    tx.session.flush()
    raise AppError(ErrorCode.INVALID_INPUT, f"not {name}")


def names(tx: Tx) -> list[str]:
    return list(tx.session.exec(select(ProjectRow.name).order_by(col(ProjectRow.name))).all())


def noted(tx: Tx) -> list[str]:
    """The texts of all facts, in the order of the log."""
    rows = tx.session.exec(select(EventRow).order_by(col(EventRow.seq))).all()
    return [row.data["reason"] for row in rows]
