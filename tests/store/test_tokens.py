"""Who a secret belongs to, and that nobody else's is taken."""

from datetime import timedelta

import pytest

from app import store
from app.domain.access import Actor, Role
from app.domain.reports import Exited
from app.domain.workers import ExitReason
from app.store.db import Database, Tx
from app.store.token_tables import TokenRow
from tests.conftest import Clock
from tests.fleet import Fleet, add

KEY = b"k" * 32


async def actor_of(db: Database, secret: str) -> Actor | None:
    return await db.read(store.tokens.actor_of, secret)


async def worker_tokens(fleet: Fleet) -> tuple[str, str, str]:
    """A worker at its first attempt, with the tokens of its agent and of its runner."""
    run_id = await fleet.a_run("task")
    worker_id = await fleet.working(run_id, "task")
    key = await fleet.db.write(store.tokens.signing_key)
    agent, runner = (store.tokens.derive(key, role, worker_id, 1) for role in (Role.WORKER, Role.RUNNER))
    return worker_id, agent, runner


def test_a_derived_token_is_the_same_every_time_and_for_nobody_else() -> None:
    token = store.tokens.derive(KEY, Role.WORKER, "wrk_1", 1)
    assert token == store.tokens.derive(KEY, Role.WORKER, "wrk_1", 1)
    others = {
        store.tokens.derive(b"x" * 32, Role.WORKER, "wrk_1", 1),
        store.tokens.derive(KEY, Role.RUNNER, "wrk_1", 1),
        store.tokens.derive(KEY, Role.WORKER, "wrk_2", 1),
        store.tokens.derive(KEY, Role.WORKER, "wrk_1", 2),
    }
    assert len(others) == 4
    assert token not in others


async def test_the_signing_key_is_made_once_and_kept(db: Database) -> None:
    key = await db.write(store.tokens.signing_key)
    assert len(key) == 32
    assert await db.write(store.tokens.signing_key) == key
    assert await db.read(store.tokens.signing_key) == key


async def test_a_workers_tokens_reach_its_own_run_and_no_further(fleet: Fleet, db: Database) -> None:
    worker_id, agent, runner = await worker_tokens(fleet)
    worker = await fleet.worker(worker_id)
    run = await fleet.run(worker.run_id)
    for secret, role in ((agent, Role.WORKER), (runner, Role.RUNNER)):
        actor = await actor_of(db, secret)
        assert actor is not None
        assert (actor.role, actor.worker_id, actor.fence) == (role, worker_id, 1)
        assert (actor.project_id, actor.run_id) == (run.project_id, run.id)
    first, second = await actor_of(db, agent), await actor_of(db, runner)
    assert first is not None
    assert second is not None
    assert first.id != second.id  # idempotency keys of the two are two things


@pytest.mark.parametrize("reason", list(ExitReason))
async def test_an_agent_that_is_over_may_nothing_while_its_runner_may_still_deliver(
    fleet: Fleet, db: Database, reason: ExitReason
) -> None:
    worker_id, agent, runner = await worker_tokens(fleet)
    await fleet.report(worker_id, Exited(reason, exit_code=0))
    assert await actor_of(db, agent) is None
    assert await actor_of(db, runner) is not None


async def test_a_forged_or_damaged_token_is_nobodys(fleet: Fleet, db: Database) -> None:
    worker_id, agent, runner = await worker_tokens(fleet)
    _, role, fence, mac = agent.split(".")[0], "WORKER", "1", agent.rpartition(".")[2]
    forgeries = [
        agent[:-1] + ("0" if agent[-1] != "0" else "1"),
        agent.replace("WORKER", "RUNNER"),
        agent.replace("WORKER", "ADMIN"),
        agent.replace(f".{fence}.", ".2."),
        agent.replace(f".{fence}.", ".01."),
        agent.replace(f".{fence}.", ".+1."),
        agent.replace(f".{fence}.", ".\uff11."),
        agent.replace(f".{fence}.", f".{'9' * 5_000}."),
        agent.replace(worker_id, "wrk_other"),
        runner.replace("RUNNER", "WORKER"),
        f"trw_{role}.{worker_id}.{fence}.",
        f"trw_{role}.{worker_id}.{fence}.{mac.upper()}",
        f"trw_{role}.{worker_id}.{fence}.{mac}\n",
        f"trw_{role}.{worker_id}.{fence}.{mac}.",
        f"trw_{role}.{worker_id}.{fence}.{mac[:-1]}\u00e9",
        f"trw_{role}.{worker_id}.{fence}.\ud800",
        f"trw_{role}\0.{worker_id}.{fence}.{mac}",
        "trw_",
        "trw_...",
        "",
        "\ud800",
        "\0",
        "t\u00f6ken",
    ]
    assert await actor_of(db, agent) is not None
    for forgery in forgeries:
        assert await actor_of(db, forgery) is None, forgery


async def test_a_right_signature_for_the_wrong_thing_is_nobodys(fleet: Fleet, db: Database) -> None:
    worker_id, _, _ = await worker_tokens(fleet)
    key = await db.write(store.tokens.signing_key)
    for role, owner, fence in [
        (Role.WORKER, worker_id, 2),
        (Role.RUNNER, worker_id, 0),
        (Role.ADMIN, worker_id, 1),
        (Role.ORCHESTRATOR, worker_id, 1),
        (Role.RUNNER, "wrk_none", 1),
    ]:
        assert await actor_of(db, store.tokens.derive(key, role, owner, fence)) is None


async def test_no_workers_token_is_known_before_there_is_a_key(db: Database) -> None:
    assert await actor_of(db, store.tokens.derive(KEY, Role.WORKER, "wrk_1", 1)) is None


async def test_a_kept_token_is_good_until_it_expires_or_is_revoked(db: Database, clock: Clock) -> None:
    def make(tx: Tx) -> None:
        for name, expires, revoked in [
            ("endless", None, None),
            ("short", timedelta(seconds=10), None),
            ("revoked", None, timedelta(0)),
        ]:
            row = TokenRow(
                id=f"tok_{name}",
                name=name,
                role=Role.VIEWER,
                digest=store.tokens.digest(f"trk_{name}"),
                created_at=tx.now,
                expires_at=None if expires is None else tx.now + expires,
                revoked_at=None if revoked is None else tx.now + revoked,
            )
            add(tx, row)

    async def good() -> set[str]:
        names = ("endless", "short", "revoked", "unknown")
        return {name for name in names if await actor_of(db, f"trk_{name}") is not None}

    await db.write(make)
    assert await good() == {"endless", "short"}
    clock.advance(seconds=9.999)
    assert await good() == {"endless", "short"}
    clock.advance(seconds=0.001)
    assert await good() == {"endless"}


async def test_secrets_are_not_kept(db: Database) -> None:
    secret = store.tokens.new_secret()
    await db.write(store.tokens.ensure, name="first", role=Role.ADMIN, secret=secret)
    kept = await db.read(lambda tx: tx.session.get(TokenRow, store.tokens.actor_of(tx, secret).id))  # type: ignore[union-attr]
    assert kept is not None
    assert secret not in kept.model_dump_json()
    assert store.tokens.new_secret() != secret
    assert len(secret) > 40
