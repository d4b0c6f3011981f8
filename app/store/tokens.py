"""Credentials: kept ones by the digest of their secret, workers' ones derived from a signing key."""

import hashlib
import hmac
import secrets
from contextlib import suppress

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from app.domain.access import Actor, Role
from app.domain.workers import LIVE
from app.store import ids
from app.store.db import Tx
from app.store.tables import RunRow, SigningKeyRow, TokenRow, WorkerRow

KEY_ID = "workers"


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    return f"trk_{secrets.token_urlsafe(32)}"


def ensure(tx: Tx, *, name: str, role: Role, secret: str) -> None:
    """Make sure that this secret is a valid token of this role."""
    row = tx.session.exec(select(TokenRow).where(TokenRow.digest == digest(secret))).first()
    if row is None:
        row = TokenRow(id=ids.new("tok"), name=name, role=role, digest=digest(secret), created_at=tx.now)
        tx.session.add(row)


def signing_key(tx: Tx) -> bytes:
    """The key that workers' tokens are derived from; made at the first call."""
    if tx.session.get(SigningKeyRow, KEY_ID) is None:
        with suppress(IntegrityError), tx.session.begin_nested():  # another server may just have made it
            tx.session.add(SigningKeyRow(id=KEY_ID, secret=secrets.token_bytes(32), created_at=tx.now))
    return tx.session.get_one(SigningKeyRow, KEY_ID).secret


def derive(key: bytes, role: Role, worker_id: str, fence: int) -> str:
    """The token of a worker's agent (WORKER) or of its runner (RUNNER), the same at every call."""
    body = f"{role}.{worker_id}.{fence}"
    mac = hmac.new(key, body.encode(), hashlib.sha256).hexdigest()
    return f"trw_{body}.{mac}"


def actor_of(tx: Tx, secret: str) -> Actor | None:
    """Who presents this secret, or None."""
    if not secret.isascii():
        return None
    return _worker_of(tx, secret) if secret.startswith("trw_") else _holder_of(tx, secret)


def _holder_of(tx: Tx, secret: str) -> Actor | None:
    row = tx.session.exec(select(TokenRow).where(TokenRow.digest == digest(secret))).first()
    if row is None or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= tx.now:
        return None
    return Actor(id=row.id, name=row.name, role=Role(row.role), project_id=row.project_id)


def _worker_of(tx: Tx, secret: str) -> Actor | None:
    try:
        role_name, worker_id, fence_text, _ = secret.removeprefix("trw_").split(".")
        role, fence = Role(role_name), int(fence_text)
    except ValueError:
        return None
    if role not in (Role.WORKER, Role.RUNNER):
        return None
    key = tx.session.get(SigningKeyRow, KEY_ID)
    if key is None or not hmac.compare_digest(secret, derive(key.secret, role, worker_id, fence)):
        return None
    worker = tx.session.get(WorkerRow, worker_id)
    run = tx.session.get(RunRow, worker.run_id) if worker is not None else None
    if worker is None or run is None or worker.fence != fence:
        return None
    if role is Role.WORKER and worker.status not in LIVE:
        return None
    return Actor(
        id=f"{role.lower()}:{worker_id}",
        name=f"{role.lower()}:{worker_id}",
        role=role,
        project_id=run.project_id,
        run_id=run.id,
        worker_id=worker_id,
        fence=fence,
    )
