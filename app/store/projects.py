from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.errors import not_found
from app.store import ids
from app.store.db import Tx, load_for_change
from app.store.tables import ProjectRow


def add(tx: Tx, *, name: str, root: str) -> ProjectRow:
    project = ProjectRow(id=ids.new("proj"), name=name, root=root, created_at=tx.now)
    tx.session.add(project)
    return project


def get(tx: Tx, project_id: str) -> ProjectRow:
    project = find(tx, project_id)
    if project is None:
        raise not_found("project", project_id)
    return project


def find(tx: Tx, project_id: str) -> ProjectRow | None:
    if tx.scope is not None and project_id != tx.scope:
        return None
    return tx.session.get(ProjectRow, project_id)


def lock(tx: Tx, project_id: str) -> ProjectRow:
    """Load a project for change."""
    project = load_for_change(tx, ProjectRow, project_id)
    if project is None or tx.scope not in (None, project.id):
        raise not_found("project", project_id)
    return project


def at(tx: Tx, root: str) -> ProjectRow | None:
    """The project of this directory; the first one, where servers of earlier versions made several.

    Two callers that mean to make one take turns.
    """
    if tx.session.get_bind().dialect.name == "postgresql":
        tx.session.connection().execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:root, 11))"), {"root": root}
        )
    query = select_all(tx).where(ProjectRow.root == root)
    return tx.session.exec(query.order_by(col(ProjectRow.id)).limit(1)).first()


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, ProjectRow]:
    return {row.id: row for row in tx.session.exec(select_all(tx).where(col(ProjectRow.id).in_(wanted)))}


def select_all(tx: Tx) -> SelectOfScalar[ProjectRow]:
    query = select(ProjectRow)
    return query if tx.scope is None else query.where(ProjectRow.id == tx.scope)
