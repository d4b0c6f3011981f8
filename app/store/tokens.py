"""Credentials: kept ones by the digest of their secret, workers' ones derived from a signing key."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.access import Actor, Role
from app.domain.errors import AppError, ErrorCode, not_found
from app.domain.workers import LIVE
from app.store import ids
from app.store.db import Tx, load_for_change
from app.store.tables import RunRow, WorkerRow
from app.store.token_tables import SigningKeyRow, TokenRow

KEY_ID: Final = "workers"
DERIVED: Final = "trw_"


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    return f"trk_{secrets.token_urlsafe(32)}"


def ensure(tx: Tx, *, name: str, role: Role, secret: str) -> None:
    """Make sure that this secret is a valid token of this role, everywhere and for ever. AppError where it cannot be.

    One that was revoked stays revoked: whoever did that may have known that it had been seen by others.
    """
    row = tx.session.exec(select(TokenRow).where(TokenRow.digest == digest(secret))).first()
    if row is None:
        add(tx, name=name, role=role, digest=digest(secret))
        return
    reason = None
    if row.revoked_at is not None:
        reason = "it was revoked"
    elif row.expires_at is not None:
        reason = "it expires" if row.expires_at > tx.now else "it has expired"
    elif row.role != role or row.project_id is not None:
        reason = f"it is one of role {row.role}{' for one project' if row.project_id else ''}"
    if reason is not None:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"This token cannot be the first one of role {role}: {reason}.",
            suggestion="Set another one, or none to have one made.",
        )


def add(tx: Tx, **values: Any) -> TokenRow:
    token = TokenRow(id=ids.new("tok"), created_at=tx.now, **values)
    tx.session.add(token)
    return token


def lock(tx: Tx, token_id: str) -> TokenRow:
    token = load_for_change(tx, TokenRow, token_id)
    if token is None or tx.scope not in (None, token.project_id):
        raise not_found("token", token_id)
    return token


def by_ids(tx: Tx, wanted: Sequence[str]) -> dict[str, TokenRow]:
    return {row.id: row for row in tx.session.exec(select_all(tx).where(col(TokenRow.id).in_(wanted)))}


def select_all(tx: Tx) -> SelectOfScalar[TokenRow]:
    query = select(TokenRow)
    return query if tx.scope is None else query.where(TokenRow.project_id == tx.scope)


def note_uses(tx: Tx, uses: Mapping[str, datetime]) -> None:
    """Each token's last use, where no later one is known: another server may have seen one."""
    for token_id, at in sorted(uses.items()):
        tx.session.execute(
            update(TokenRow)
            .where(
                col(TokenRow.id) == token_id,
                or_(col(TokenRow.last_used_at).is_(None), col(TokenRow.last_used_at) < at),
            )
            .values(last_used_at=at)
        )


def signing_key(tx: Tx) -> bytes:
    """The key that workers' tokens are derived from; made at the first call."""
    if tx.session.get(SigningKeyRow, KEY_ID) is None:
        with suppress(IntegrityError), tx.session.begin_nested():  # another server may just have made it
            tx.session.add(SigningKeyRow(id=KEY_ID, secret=secrets.token_bytes(32), created_at=tx.now))
    return tx.session.get_one(SigningKeyRow, KEY_ID).secret


def derive(key: bytes, role: Role, worker_id: str, fence: int) -> str:
    """The token of a worker's agent (WORKER, or ORCHESTRATOR) or of its runner (RUNNER), the same at every call."""
    body = f"{role}.{worker_id}.{fence}"
    mac = hmac.new(key, body.encode(), hashlib.sha256).hexdigest()
    return f"{DERIVED}{body}.{mac}"


def actor_of(tx: Tx, secret: str) -> Actor | None:
    """Who presents this secret, or None."""
    if not secret.isascii():
        return None
    return _worker_of(tx, secret) if secret.startswith(DERIVED) else _holder_of(tx, secret)


def _holder_of(tx: Tx, secret: str) -> Actor | None:
    row = tx.session.exec(select(TokenRow).where(TokenRow.digest == digest(secret))).first()
    if row is None or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= tx.now:
        return None
    role = Role(row.role)
    if row.worker_id is not None:
        worker = tx.session.get(WorkerRow, row.worker_id)
        if worker is None or worker.status not in LIVE or worker.fence != row.fence:
            return None
    return Actor(
        id=row.id,
        name=row.name,
        role=role,
        project_id=row.project_id,
        run_id=row.run_id,
        worker_id=row.worker_id if role is Role.WORKER else None,  # an orchestrator acts for its whole run
        fence=row.fence if role is Role.WORKER else None,
        expires_at=row.expires_at,
    )


def _worker_of(tx: Tx, secret: str) -> Actor | None:
    try:
        role_name, worker_id, fence_text, _ = secret.removeprefix(DERIVED).split(".")
        role, fence = Role(role_name), int(fence_text)
    except ValueError:
        return None
    if role not in (Role.WORKER, Role.ORCHESTRATOR, Role.RUNNER):
        return None
    key = tx.session.get(SigningKeyRow, KEY_ID)
    if key is None or not hmac.compare_digest(secret, derive(key.secret, role, worker_id, fence)):
        return None
    worker = tx.session.get(WorkerRow, worker_id)
    if worker is None or worker.fence != fence:
        return None
    if role is not Role.RUNNER and (worker.role != role or worker.status not in LIVE):
        return None
    orchestrates = role is Role.ORCHESTRATOR
    return Actor(
        id=agent_of(role, worker_id),
        name=agent_of(role, worker_id),
        role=role,
        project_id=tx.session.exec(select(RunRow.project_id).where(RunRow.id == worker.run_id)).one(),
        run_id=worker.run_id,
        worker_id=None if orchestrates else worker_id,  # it acts for its whole run
        fence=None if orchestrates else fence,
    )


def agent_of(role: Role, worker_id: str) -> str:
    """Who presents a derived token."""
    return f"{role.lower()}:{worker_id}"


def is_process(actor: Actor) -> bool:
    """Whether the caller is an agent that Trackside has started to look after a run."""
    return actor.role is Role.ORCHESTRATOR and actor.id.startswith(agent_of(Role.ORCHESTRATOR, ""))
