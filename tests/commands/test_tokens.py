"""Tokens that people make: never more than their maker has, and gone when they are taken back."""

from datetime import timedelta
from typing import Any

import pytest

from app import commands, store
from app.domain.access import Actor, Role
from app.domain.errors import AppError, ErrorCode
from app.domain.events import EventKind
from app.domain.reports import Exited
from app.domain.workers import ExitReason
from app.store.db import Database
from tests.factories import an_actor
from tests.fleet import Fleet

ADMIN = an_actor(Role.ADMIN)


async def make(fleet: Fleet, secret: str = "trk_made", *, by: Actor = ADMIN, **wanted: Any) -> str:
    wanted = {"name": "made", "role": Role.VIEWER, **wanted}
    digest = store.tokens.digest(secret)
    return str(
        (await fleet.do(commands.tokens.create, by=by, maker=by, digest=digest, **wanted)).refs["token"]
    )


async def refusal(fleet: Fleet, *, by: Actor = ADMIN, **wanted: Any) -> tuple[ErrorCode, list[str] | None]:
    with pytest.raises(AppError) as refused:
        await make(fleet, by=by, **wanted)
    return refused.value.code, refused.value.path


async def holder(fleet: Fleet, secret: str = "trk_made") -> Actor | None:
    return await fleet.db.read(store.tokens.actor_of, secret)


async def test_a_token_is_its_holder_until_it_is_revoked(fleet: Fleet) -> None:
    id = await make(fleet, role=Role.OPERATOR)
    assert await holder(fleet) == Actor(id=id, name="made", role=Role.OPERATOR)
    await fleet.do(commands.tokens.revoke, token_id=id, by=ADMIN)
    assert await holder(fleet) is None
    again = await fleet.do(commands.tokens.revoke, token_id=id, by=ADMIN)
    assert again.refs == {"token": id}
    told = await fleet.events(EventKind.TOKEN_CHANGED)
    assert [(event.data["token"], event.data["revoked"]) for event in told] == [(id, False), (id, True)]
    refused = await fleet.refused(commands.tokens.revoke, token_id="tok_none", by=ADMIN)
    assert refused.code is ErrorCode.NOT_FOUND


async def test_a_project_admin_makes_tokens_of_its_project_alone(fleet: Fleet) -> None:
    ours, theirs = await fleet.a_project("ours"), await fleet.a_project("theirs")
    us = an_actor(Role.ADMIN, project_id=ours)
    await make(fleet, by=us)
    found = await holder(fleet)
    assert found is not None
    assert found.project_id == ours
    assert await refusal(fleet, by=us, project_id=theirs) == (ErrorCode.NOT_FOUND, None)
    run = await fleet.a_run(project_id=theirs)
    for role, wanted in (
        (Role.ORCHESTRATOR, {"run_id": run}),
        (Role.WORKER, {"worker_id": await fleet.working(run, "task")}),
    ):
        assert await refusal(fleet, by=us, role=role, **wanted) == (ErrorCode.NOT_FOUND, None)
    other = await make(fleet, "trk_other", project_id=theirs)
    refused = await fleet.refused(commands.tokens.revoke, token_id=other, by=us)
    assert refused.code is ErrorCode.NOT_FOUND
    assert await holder(fleet, "trk_other") is not None


async def test_a_token_does_not_outlive_its_maker(fleet: Fleet) -> None:
    soon, later = fleet.clock() + timedelta(hours=1), fleet.clock() + timedelta(hours=2)
    short = an_actor(Role.ADMIN, expires_at=soon)
    await make(fleet, by=short)
    found = await holder(fleet)
    assert found is not None
    assert found.expires_at == soon
    invalid = (ErrorCode.INVALID_INPUT, ["input", "expiresAt"])
    assert await refusal(fleet, by=short, expires_at=later) == invalid
    assert await refusal(fleet, expires_at=fleet.clock()) == invalid
    fleet.clock.advance(hours=1)
    assert await holder(fleet) is None


async def test_tokens_for_a_run_or_a_worker_fit_their_role(fleet: Fleet) -> None:
    run, other = await fleet.a_run(), await fleet.a_run()
    worker = await fleet.working(run, "task")
    project = (await fleet.run(other)).project_id
    for wanted, field in (
        ({"role": Role.RUNNER}, "role"),
        ({"role": Role.WORKER}, "workerId"),
        ({"role": Role.WORKER, "run_id": run}, "workerId"),
        ({"role": Role.ORCHESTRATOR}, "runId"),
        ({"role": Role.VIEWER, "run_id": run}, "role"),
        ({"role": Role.ADMIN, "worker_id": worker}, "role"),
        ({"role": Role.WORKER, "worker_id": worker, "run_id": other}, "runId"),
        ({"role": Role.ORCHESTRATOR, "run_id": run, "project_id": project}, "projectId"),
    ):
        found = await refusal(fleet, **wanted)
        assert found == (ErrorCode.INVALID_INPUT, ["input", field]), wanted


@pytest.mark.parametrize("role", [Role.WORKER, Role.ORCHESTRATOR])
async def test_a_workers_token_reaches_its_run_and_ends_with_it(fleet: Fleet, role: Role) -> None:
    run = await fleet.a_run()
    worker = await fleet.working(run, "task")
    await make(fleet, role=role, worker_id=worker)
    found = await holder(fleet)
    assert found is not None
    assert (found.role, found.run_id) == (role, run)
    assert (found.worker_id, found.fence) == ((worker, 1) if role is Role.WORKER else (None, None))
    await fleet.report(worker, Exited(ExitReason.EXITED, exit_code=0))
    assert await holder(fleet) is None
    code, path = await refusal(fleet, role=role, worker_id=worker)
    assert (code, path) == (ErrorCode.INVALID_TRANSITION, ["input", "workerId"])


async def test_a_last_use_never_goes_back(fleet: Fleet, db: Database) -> None:
    id = await make(fleet)
    early, late = fleet.clock(), fleet.clock() + timedelta(minutes=1)
    for at in (late, early):
        await db.write(store.tokens.note_uses, {id: at, "tok_none": at})
        (row,) = (await db.read(store.tokens.by_ids, [id])).values()
        assert row.last_used_at == late


async def test_a_first_token_that_was_revoked_stays_revoked(fleet: Fleet, db: Database) -> None:
    await db.write(store.tokens.ensure, name="admin", role=Role.ADMIN, secret="trk_first")
    await db.write(store.tokens.ensure, name="admin", role=Role.ADMIN, secret="trk_first")
    first = await holder(fleet, "trk_first")
    assert first is not None
    await fleet.do(commands.tokens.revoke, token_id=first.id, by=ADMIN)
    project = await fleet.a_project()
    await make(fleet, "trk_viewer")
    await make(fleet, "trk_scoped", role=Role.ADMIN, project_id=project)
    await make(fleet, "trk_short", role=Role.ADMIN, expires_at=fleet.clock() + timedelta(hours=1))
    for secret, words in (
        ("trk_first", "it was revoked"),
        ("trk_viewer", "it is one of role VIEWER"),
        ("trk_scoped", "for one project"),
        ("trk_short", "it expires"),
    ):
        with pytest.raises(AppError, match=words):
            await db.write(store.tokens.ensure, name="admin", role=Role.ADMIN, secret=secret)
    assert await holder(fleet, "trk_first") is None
