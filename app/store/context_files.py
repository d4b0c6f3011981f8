from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete as sql_delete, not_, or_
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.context import ContextFileState
from app.domain.runs import ENDED
from app.store import ids, project_flags, projects
from app.store.context_tables import ContextFileRow, ContextIndexRow, SkeletonRow
from app.store.db import Tx
from app.store.tables import ProjectRow, RunRow

CHUNK = 500
"""How many files one statement names at most."""


def select_all(tx: Tx, project_id: str) -> SelectOfScalar[ContextFileRow]:
    """The files of a project that the caller may see."""
    query = select(ContextFileRow).where(ContextFileRow.project_id == project_id)
    return query if tx.scope is None else query.where(ContextFileRow.project_id == tx.scope)


def want(tx: Tx, project_ids: Sequence[str]) -> None:
    """Somebody asks for the index of these projects: their files are looked at anew."""
    for project_id in projects.by_ids(tx, project_ids):
        found = tx.session.get(ContextIndexRow, project_id)
        if found is None:
            tx.session.add(ContextIndexRow(project_id=project_id, wanted_at=tx.now))
        else:
            found.wanted_at = tx.now


def due(tx: Tx, *, rest: timedelta, every: timedelta) -> Sequence[ProjectRow]:
    """The projects whose files are to be looked at: asked for since the last look, or with a run that goes on.

    No project is looked at again before `rest` is over, however often it is asked for.
    """
    open_run = (
        select(RunRow.id)
        .where(RunRow.project_id == ProjectRow.id, col(RunRow.status).not_in(ENDED))
        .correlate(ProjectRow)
        .exists()
    )
    looked = col(ContextIndexRow.looked_at)
    query = (
        select(ProjectRow)
        .outerjoin(ContextIndexRow, col(ContextIndexRow.project_id) == ProjectRow.id)
        .where(
            not_(_is_off()),
            or_(
                and_(
                    col(ContextIndexRow.project_id).is_not(None),
                    or_(looked.is_(None), and_(looked < ContextIndexRow.wanted_at, looked <= tx.now - rest)),
                ),
                and_(open_run, or_(looked.is_(None), looked <= tx.now - every)),
            ),
        )
    )
    return tx.session.exec(query).all()


def is_kept(tx: Tx, project_id: str) -> bool:
    """Whether there is to be an index of this project at all."""
    query = select(ProjectRow.id).where(ProjectRow.id == project_id, not_(_is_off()))
    return tx.session.exec(query).first() is not None


def _is_off() -> ColumnElement[bool]:
    return project_flags.is_off(ProjectRow.id, "index_files")


def forget(tx: Tx, project_id: str) -> None:
    """Empty the index of a project."""
    tx.session.execute(sql_delete(ContextFileRow).where(col(ContextFileRow.project_id) == project_id))
    tx.session.execute(sql_delete(ContextIndexRow).where(col(ContextIndexRow.project_id) == project_id))


def of_project(tx: Tx, project_id: str) -> dict[str, ContextFileRow]:
    query = select(ContextFileRow).where(ContextFileRow.project_id == project_id)
    return {row.path: row for row in tx.session.exec(query)}


def looked(tx: Tx, project_id: str, at: datetime) -> None:
    found = tx.session.get(ContextIndexRow, project_id)
    if found is None:
        if tx.session.get(ProjectRow, project_id) is not None:
            tx.session.add(ContextIndexRow(project_id=project_id, wanted_at=at, looked_at=at))
    else:
        found.looked_at = at


def was_looked_at(tx: Tx, project_id: str) -> bool:
    found = tx.session.get(ContextIndexRow, project_id)
    return found is not None and found.looked_at is not None


def add(tx: Tx, project_id: str, path: str, *, size: int, modified_ns: int) -> None:
    """A file that was not read yet."""
    tx.session.add(
        ContextFileRow(
            id=ids.new("ctf"),
            project_id=project_id,
            path=path,
            state=ContextFileState.STALE,
            size=size,
            modified_ns=modified_ns,
        )
    )


def remove(tx: Tx, file_ids: Sequence[str]) -> None:
    for start in range(0, len(file_ids), CHUNK):
        part = file_ids[start : start + CHUNK]
        tx.session.execute(sql_delete(ContextFileRow).where(col(ContextFileRow.id).in_(part)))


def get_many(tx: Tx, file_ids: Sequence[str]) -> dict[str, ContextFileRow]:
    query = select(ContextFileRow).where(col(ContextFileRow.id).in_(file_ids))
    return {row.id: row for row in tx.session.exec(query)}


def stale(tx: Tx, project_id: str, most: int) -> Sequence[ContextFileRow]:
    return tx.session.exec(
        select(ContextFileRow)
        .where(ContextFileRow.project_id == project_id, ContextFileRow.state == ContextFileState.STALE)
        .order_by(col(ContextFileRow.path))
        .limit(most)
    ).all()


def skeletons(tx: Tx, digests: Sequence[str]) -> dict[str, str]:
    """The texts of skeletons that are kept. Whoever knows the digest has seen the file in the index."""
    query = select(SkeletonRow.digest, SkeletonRow.text).where(col(SkeletonRow.digest).in_(digests))
    return dict(tx.session.exec(query).all())


def keep_skeletons(tx: Tx, made: Mapping[str, tuple[str, int]]) -> None:
    """Keep texts and their tokens by digest; what is there already stays."""
    if not made:
        return
    there = set(tx.session.exec(select(SkeletonRow.digest).where(col(SkeletonRow.digest).in_(made))))
    tx.session.add_all(
        SkeletonRow(digest=digest, text=text, tokens=tokens, made_at=tx.now)
        for digest, (text, tokens) in made.items()
        if digest not in there
    )


def skeleton_tokens(tx: Tx, digests: Collection[str]) -> dict[str, int]:
    """The sizes of those of these skeletons that are kept."""
    query = select(SkeletonRow.digest, SkeletonRow.tokens).where(col(SkeletonRow.digest).in_(digests))
    return dict(tx.session.exec(query).all())


def forget_skeletons(tx: Tx, before: datetime) -> int:
    """Remove those that were made before then and that no file of any index has."""
    used = select(ContextFileRow.digest)
    gone = tx.session.execute(
        sql_delete(SkeletonRow).where(col(SkeletonRow.made_at) < before, col(SkeletonRow.digest).not_in(used))
    )
    return int(getattr(gone, "rowcount", 0))
