import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.project_settings import UNCHANGED, ProjectSettings, effective
from app.store.db import Tx
from app.store.project_flag_tables import ProjectFlagRow


def of_project(tx: Tx, project_id: str) -> Mapping[str, Any]:
    """What a project has set, by name."""
    return of_projects(tx, [project_id])[project_id]


def of_projects(tx: Tx, wanted: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {project_id: {} for project_id in wanted}
    query = select(ProjectFlagRow).where(col(ProjectFlagRow.project_id).in_(wanted))
    for row in tx.session.exec(query):
        found[row.project_id][row.name] = json.loads(row.value)
    return found


def settings(tx: Tx, project_id: str, server: ProjectSettings = UNCHANGED) -> ProjectSettings:
    """What holds in a project. What a server's own settings say is asked for with that server alone."""
    return effective(of_project(tx, project_id), server)


def put(tx: Tx, project_id: str, name: str, value: Any) -> None:
    row = tx.session.get(ProjectFlagRow, (project_id, name))
    if row is None:
        row = ProjectFlagRow(project_id=project_id, name=name, value="", changed_at=tx.now)
        tx.session.add(row)
    row.value, row.changed_at = json.dumps(value), tx.now


def remove(tx: Tx, project_id: str, name: str) -> None:
    row = tx.session.get(ProjectFlagRow, (project_id, name))
    if row is not None:
        tx.session.delete(row)


def is_off(project_id: Any, name: str) -> ColumnElement[bool]:
    """Whether the project of this column has turned a flag off that is on by itself."""
    return (
        select(ProjectFlagRow.name)
        .where(
            ProjectFlagRow.project_id == project_id,
            ProjectFlagRow.name == name,
            ProjectFlagRow.value == "false",
        )
        .exists()
    )


def said(tx: Tx, name: str) -> list[tuple[Any, SelectOfScalar[str]]]:
    """What any project says that has set this flag, and which projects say so: few values, however many projects."""
    query = select(ProjectFlagRow.value).where(ProjectFlagRow.name == name).distinct()
    who = select(ProjectFlagRow.project_id).where(ProjectFlagRow.name == name)
    return [
        (json.loads(value), who.where(ProjectFlagRow.value == value))
        for value in sorted(tx.session.exec(query))
    ]


def is_set(project_id: Any, name: str) -> ColumnElement[bool]:
    """Whether the project of this column has set a flag."""
    return (
        select(ProjectFlagRow.name)
        .where(ProjectFlagRow.project_id == project_id, ProjectFlagRow.name == name)
        .exists()
    )
