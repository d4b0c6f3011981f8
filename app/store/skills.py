from collections.abc import Sequence

from sqlalchemy import not_
from sqlmodel import col, select

from app.domain.runs import ENDED
from app.domain.skills import Skill
from app.domain.tasks import FINISHED
from app.store import project_flags
from app.store.db import Tx
from app.store.skill_tables import SkillRow
from app.store.tables import ProjectRow, RunRow, TaskRow


def find(tx: Tx, project_id: str, name: str) -> SkillRow | None:
    return tx.session.get(SkillRow, (project_id, name))


def are_used(tx: Tx, project_id: str) -> bool:
    """Whether workers of this project are started with skills."""
    return project_flags.settings(tx, project_id).skills


def of_workers(tx: Tx, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], SkillRow]:
    """By the id of a run and the name of a skill."""
    run_ids = {run_id for run_id, _ in wanted}
    query = (
        select(RunRow.id, SkillRow)
        .join(SkillRow, col(SkillRow.project_id) == RunRow.project_id)
        .where(col(RunRow.id).in_(run_ids), col(SkillRow.name).in_({name for _, name in wanted}))
    )
    return {(run_id, row.name): row for run_id, row in tx.session.exec(query)}


def digests(tx: Tx, project_id: str) -> dict[str, str]:
    query = select(SkillRow.name, SkillRow.digest).where(SkillRow.project_id == project_id)
    return dict(tx.session.exec(query).all())


def sync(tx: Tx, project_id: str, skills: Sequence[Skill]) -> None:
    """Take what is on disk. One that is gone from there stays as long as an unfinished task names it."""
    rows = {
        row.name: row for row in tx.session.exec(select(SkillRow).where(SkillRow.project_id == project_id))
    }
    for skill in skills:
        row = rows.pop(skill.name, None)
        if row is not None and row.digest == skill.digest:
            continue
        if row is None:
            row = SkillRow(
                project_id=project_id,
                name=skill.name,
                version="",
                role="",
                description="",
                text="",
                digest="",
                read_at=tx.now,
            )
            tx.session.add(row)
        row.version, row.role, row.description = skill.version, skill.role, skill.description
        row.text, row.digest, row.read_at = skill.text, skill.digest, tx.now
    for name in set(rows) - _named(tx, project_id, list(rows)):
        tx.session.delete(rows[name])


def _named(tx: Tx, project_id: str, names: Sequence[str]) -> set[str | None]:
    query = (
        select(TaskRow.skill)
        .join(RunRow, col(RunRow.id) == TaskRow.run_id)
        .where(
            RunRow.project_id == project_id,
            col(TaskRow.skill).in_(names),
            col(TaskRow.status).not_in(FINISHED),
        )
        .distinct()
    )
    return set(tx.session.exec(query))


def projects_at_work(tx: Tx) -> Sequence[ProjectRow]:
    """The projects with a run that goes on, and whose workers are started with skills."""
    open_run = select(RunRow.project_id).where(col(RunRow.status).not_in(ENDED))
    query = select(ProjectRow).where(col(ProjectRow.id).in_(open_run))
    return tx.session.exec(query.where(not_(project_flags.is_off(ProjectRow.id, "skills")))).all()
