from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, text
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.commands import UNDER_WAY, CommandStatus
from app.domain.errors import not_found
from app.store.db import Tx
from app.store.tables import CommandRow


@dataclass(frozen=True, slots=True)
class CommandFilter:
    project_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    worker_id: str | None = None
    actor: str | None = None
    verbs: Sequence[str] | None = None
    statuses: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


def get(tx: Tx, command_id: str) -> CommandRow:
    command = tx.session.get(CommandRow, command_id)
    if command is None or tx.scope not in (None, command.project_id):
        raise not_found("command", command_id)
    return command


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, CommandRow]:
    return {row.id: row for row in tx.session.exec(select_all(tx).where(col(CommandRow.id).in_(wanted)))}


def find_answered(
    tx: Tx, actor_id: str, verb: str, key: str, *, supervisor_id: str | None = None
) -> CommandRow | None:
    """The command that has used this idempotency key, if any. Two callers with one key take turns.

    The agents that look after a run one after the other are one caller: the requests of their supervisor are theirs.
    """
    if tx.session.get_bind().dialect.name == "postgresql":
        tx.session.connection().execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 7))"),
            {"key": f"{actor_id}\n{verb}\n{key}"},
        )
    caller = col(CommandRow.actor_id) == actor_id
    if supervisor_id is not None:
        caller = or_(caller, col(CommandRow.supervisor_id) == supervisor_id)
    return tx.session.exec(
        select(CommandRow).where(
            caller,
            CommandRow.verb == verb,
            CommandRow.idempotency_key == key,
        )
    ).first()


def under_way(tx: Tx, worker_id: str) -> Sequence[CommandRow]:
    """Requests to a worker that have not taken effect yet, oldest first."""
    return tx.session.exec(
        select(CommandRow)
        .where(CommandRow.worker_id == worker_id, col(CommandRow.status).in_(UNDER_WAY))
        .order_by(col(CommandRow.id))
    ).all()


def select_all(tx: Tx, only: CommandFilter | None = None) -> SelectOfScalar[CommandRow]:
    query = select(CommandRow)
    if tx.scope is not None:
        query = query.where(CommandRow.project_id == tx.scope)
    if only is None:
        return query
    for column, wanted in (
        (CommandRow.project_id, only.project_id),
        (CommandRow.run_id, only.run_id),
        (CommandRow.task_id, only.task_id),
        (CommandRow.worker_id, only.worker_id),
        (CommandRow.actor, only.actor),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if only.verbs is not None:
        query = query.where(col(CommandRow.verb).in_(only.verbs))
    if only.statuses is not None:
        query = query.where(col(CommandRow.status).in_(only.statuses))
    if only.since is not None:
        query = query.where(col(CommandRow.at) >= only.since)
    if only.until is not None:
        query = query.where(col(CommandRow.at) < only.until)
    return query


def count_effective(tx: Tx, actor_id: str, verb: str, *, since: datetime) -> int:
    """How often this caller's requests of that kind were carried out since then."""
    query = (
        select(func.count())
        .select_from(CommandRow)
        .where(
            CommandRow.actor_id == actor_id,
            CommandRow.verb == verb,
            CommandRow.status == CommandStatus.EFFECTIVE,
            CommandRow.at > since,
        )
    )
    return tx.session.exec(query).one()
