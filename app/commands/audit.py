"""Every request to change something leaves a command: who, what, why, and what became of it.

The command, the change and the idempotency key are one transaction, so a key is used up exactly when the change has
happened. A refusal changes nothing, uses up no key and is recorded on its own.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec

from app import store
from app.commands import saved_states
from app.domain import limits
from app.domain.access import Actor, Role
from app.domain.commands import COMMAND, CommandMove, CommandStatus
from app.domain.errors import AppError, ErrorCode, not_found
from app.domain.events import EventKind
from app.domain.supervisors import SupervisorState
from app.store.db import Tx
from app.store.supervisor_tables import SupervisorRow
from app.store.tables import CommandRow, RunRow

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Request:
    """`verb` is the mutation's name, `input` what the client sent, as JSON."""

    verb: str
    actor: Actor
    input: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    idempotency_key: str | None = None

    def kept(self) -> dict[str, Any]:
        """The input as the audit trail keeps it: without the values of environment variables."""
        if not self.input.get("env"):
            return self.input
        return {**self.input, "env": [{"name": one["name"], "value": "…"} for one in self.input["env"]]}

    def digest(self) -> str:
        plain = {key: value for key, value in self.input.items() if key != "idempotencyKey"}
        return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(slots=True)
class Change:
    """What a command did: the ids its answer is built from, and how far it has come.

    REQUESTED where a runner has yet to act; `revision` is then the revision of the worker's orders that carries it.
    """

    refs: dict[str, Any]
    run: RunRow | None = None
    project_id: str | None = None
    task_id: str | None = None
    worker_id: str | None = None
    status: CommandStatus = CommandStatus.EFFECTIVE
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """`about` names what the command concerned, by the columns of its record."""

    command_id: str
    refs: dict[str, Any]
    about: dict[str, str] = field(default_factory=dict)


def perform(
    tx: Tx,
    request: Request,
    change: Callable[Concatenate[Tx, P], Change],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Receipt:
    """Run one command, or give the answer again that its idempotency key already has."""
    tx.actor, tx.scope = request.actor.name, request.actor.project_id
    earlier = answered(tx, request)
    if earlier is not None:
        return earlier
    supervisor = _supervisor(tx, request.actor)
    tx.command_id = store.ids.new("cmd")
    done = change(tx, *args, **kwargs)
    _stay_inside(request.actor, done)
    if supervisor is not None and supervisor.agent == request.actor.id and done.run is not None:
        saved_states.after(tx, done.run, supervisor, request.verb)
    command = _record(tx, request)
    command.status, command.result, command.revision = done.status, done.refs, done.revision
    command.run_id = done.run.id if done.run is not None else None
    command.project_id = done.run.project_id if done.run is not None else done.project_id
    command.task_id, command.worker_id = done.task_id, done.worker_id
    announce(tx, command, done.run)
    return _receipt(command)


def answered(tx: Tx, request: Request) -> Receipt | None:
    """The answer that the request's idempotency key already has, if any."""
    if request.idempotency_key is None:
        return None
    limits.name(request.idempotency_key, "input", "idempotencyKey", limit=limits.IDEMPOTENCY_KEY)
    supervisor = store.supervisors.of_agent(tx, request.actor)
    earlier = store.commands.find_answered(
        tx,
        request.actor.id,
        request.verb,
        request.idempotency_key,
        supervisor_id=supervisor.id if supervisor is not None else None,
    )
    return None if earlier is None else _again(earlier, request.digest())


def rehearse(
    tx: Tx, actor: Actor, change: Callable[Concatenate[Tx, P], Change], /, *args: P.args, **kwargs: P.kwargs
) -> Receipt:
    """Run a command for its answer alone; the caller rolls it back, so it leaves no record."""
    tx.actor, tx.scope, tx.command_id = actor.name, actor.project_id, store.ids.new("cmd")
    _supervisor(tx, actor)
    done = change(tx, *args, **kwargs)
    _stay_inside(actor, done)
    return Receipt("", done.refs)


def _supervisor(tx: Tx, actor: Actor) -> SupervisorRow | None:
    """The supervisor as whose agent the caller acts. SUPERVISOR_DEAD where that was given up.

    Also of a process that has ended, or that another has taken the place of, while its last request was on the way: its
    successor would not know of what that does.
    """
    if actor.role is Role.ORCHESTRATOR and actor.run_id is not None:
        store.runs.lock(tx, actor.run_id)  # before the look: whoever has it restarted meanwhile holds the run
    supervisor = store.supervisors.of_agent(tx, actor)
    if supervisor is not None:
        store.supervisors.refuse_dead(tx, supervisor)
        tx.supervisor_id = supervisor.id
    elif store.tokens.is_process(actor):
        raise store.supervisors.dead(SupervisorState.INTERRUPTED)
    return supervisor


def reject(tx: Tx, request: Request, error: AppError) -> str:
    """Record a refusal and return its command's id."""
    tx.actor, tx.scope = request.actor.name, request.actor.project_id
    run = None
    run_id = request.input.get("runId")
    if isinstance(run_id, str):
        run = store.runs.find(tx, run_id)
    command = _record(tx, request)
    command.idempotency_key = None
    command.status = CommandStatus.REJECTED
    command.error_code, command.error = error.code, error.message
    command.run_id = run.id if run is not None else None
    command.project_id = run.project_id if run is not None else request.actor.project_id
    announce(tx, command, run)
    return command.id


def move(
    tx: Tx, command: CommandRow, by: CommandMove, run: RunRow | None, *, error: str | None = None
) -> None:
    """Note how far a request to a worker has come."""
    command.status = COMMAND.after(CommandStatus(command.status), by)
    command.updated_at = tx.now
    command.error = error
    announce(tx, command, run)


def announce(tx: Tx, command: CommandRow, run: RunRow | None) -> None:
    store.events.append(
        tx,
        EventKind.COMMAND_CHANGED,
        run=run,
        project_id=command.project_id,
        task_id=command.task_id,
        worker_id=command.worker_id,
        command=command.id,
        status=command.status,
    )


def _record(tx: Tx, request: Request) -> CommandRow:
    command = CommandRow(
        id=tx.command_id or store.ids.new("cmd"),
        verb=request.verb,
        actor=request.actor.name,
        actor_id=request.actor.id,
        supervisor_id=tx.supervisor_id,
        reason=request.reason,
        status=CommandStatus.REQUESTED,
        idempotency_key=request.idempotency_key,
        input=request.kept(),
        digest=request.digest(),
        at=tx.now,
        updated_at=tx.now,
    )
    tx.session.add(command)
    return command


def _again(earlier: CommandRow, digest: str) -> Receipt:
    if earlier.digest != digest:
        raise AppError(
            ErrorCode.IDEMPOTENCY_MISMATCH,
            "This idempotency key was used for another input.",
            suggestion="Use a new key for a new request.",
            path=["input", "idempotencyKey"],
        )
    return _receipt(earlier)


def _receipt(command: CommandRow) -> Receipt:
    ids = {name: getattr(command, name) for name in ("project_id", "run_id", "task_id", "worker_id")}
    return Receipt(command.id, command.result, {name: id for name, id in ids.items() if id is not None})


def _stay_inside(actor: Actor, done: Change) -> None:
    """A token for one run or one worker reaches nothing else, and learns nothing of it."""
    if actor.run_id is not None and (done.run is None or done.run.id != actor.run_id):
        raise not_found("run", done.run.id if done.run is not None else "")
    if actor.worker_id is not None and done.worker_id != actor.worker_id:
        raise AppError(
            ErrorCode.FORBIDDEN,
            "A worker's token acts for that worker and its task alone.",
            suggestion="Ask a person, with askQuestion.",
        )
