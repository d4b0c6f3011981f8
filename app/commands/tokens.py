"""Credentials are made and taken back. No secret comes here: only its digest does."""

from datetime import datetime

from app import store
from app.commands.audit import Change
from app.domain import limits
from app.domain.access import BOUND, Actor, Role
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.workers import LIVE
from app.store.db import Tx
from app.store.tables import RunRow, WorkerRow
from app.store.token_tables import TokenRow

_LATER = "Give a later moment, or leave it out for a token without an end."


def create(
    tx: Tx,
    *,
    maker: Actor,
    name: str,
    role: Role,
    digest: str,
    project_id: str | None = None,
    run_id: str | None = None,
    worker_id: str | None = None,
    expires_at: datetime | None = None,
) -> Change:
    """Make a token that grants no more than its maker has, and none for longer."""
    worker = store.workers.get(tx, worker_id) if worker_id is not None else None
    run = _run(tx, run_id, worker)
    _refuse_misfit(role, run, worker)
    token = store.tokens.add(
        tx,
        name=name,
        role=role,
        digest=digest,
        project_id=_project(tx, maker, project_id, run),
        run_id=run.id if run is not None else None,
        worker_id=worker_id,
        fence=worker.fence if worker is not None else None,
        expires_at=_end(tx, maker, expires_at),
    )
    return _told(tx, token, run, revoked=False)


def revoke(tx: Tx, *, token_id: str) -> Change:
    """Take a token back for good; a second time changes nothing."""
    token = store.tokens.lock(tx, token_id)
    if token.revoked_at is not None:
        return Change({"token": token.id}, project_id=token.project_id)
    token.revoked_at = tx.now
    return _told(tx, token, None, revoked=True)


def _told(tx: Tx, token: TokenRow, run: RunRow | None, *, revoked: bool) -> Change:
    project_id = token.project_id
    store.events.append(tx, EventKind.TOKEN_CHANGED, project_id=project_id, token=token.id, revoked=revoked)
    return Change({"token": token.id}, run=run, project_id=project_id, worker_id=token.worker_id)


def _run(tx: Tx, run_id: str | None, worker: WorkerRow | None) -> RunRow | None:
    run = store.runs.get(tx, run_id) if run_id is not None else None
    if worker is None:
        return run
    if run is not None and run.id != worker.run_id:
        raise limits.invalid("The worker is not one of this run.", ["input", "runId"], "Leave the run out.")
    return store.runs.get(tx, worker.run_id)


def _refuse_misfit(role: Role, run: RunRow | None, worker: WorkerRow | None) -> None:
    if role is Role.RUNNER:
        raise limits.invalid(
            "Runners get their tokens from the control plane.",
            ["input", "role"],
            "Make a WORKER token for what acts as a worker's agent.",
        )
    if role is Role.WORKER and worker is None:
        raise limits.invalid("A WORKER token is for one worker.", ["input", "workerId"], "Name the worker.")
    if role is Role.ORCHESTRATOR and run is None:
        raise limits.invalid(
            "An ORCHESTRATOR token is for one run.", ["input", "runId"], "Name the run, or a worker of it."
        )
    if role not in BOUND and run is not None:
        raise limits.invalid(
            f"A token of role {role} is not for one run or worker.",
            ["input", "role"],
            "Leave run and worker out, or make an ORCHESTRATOR or WORKER token.",
        )
    if worker is not None and worker.status not in LIVE:
        raise AppError(
            ErrorCode.INVALID_TRANSITION,
            f"The worker {worker.id!r} has ended: nothing could be done with its token.",
            suggestion="Name a worker that lives.",
            path=["input", "workerId"],
        )


def _project(tx: Tx, by: Actor, project_id: str | None, run: RunRow | None) -> str | None:
    if project_id is not None:
        store.projects.get(tx, project_id)
    if run is None:
        return project_id or by.project_id
    if project_id not in (None, run.project_id):
        raise limits.invalid(
            "The run is not one of this project.", ["input", "projectId"], "Leave the project out."
        )
    return run.project_id


def _end(tx: Tx, by: Actor, expires_at: datetime | None) -> datetime | None:
    if expires_at is not None and expires_at <= tx.now:
        raise limits.invalid("This moment has passed.", ["input", "expiresAt"], _LATER)
    if by.expires_at is None:
        return expires_at
    if expires_at is not None and expires_at > by.expires_at:
        raise limits.invalid(
            "A token cannot outlive the one that it is made with.",
            ["input", "expiresAt"],
            "Leave it out to have it end with that one.",
        )
    return expires_at or by.expires_at
