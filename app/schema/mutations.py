"""The one way a mutation goes: check the role, read the input, run one command, answer with refs or refusals."""

import dataclasses
import logging
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from app import commands as writes
from app.commands.audit import Change, Receipt, Request
from app.domain import limits
from app.domain.access import Actor
from app.domain.errors import AppError
from app.domain.observation import Observer, Outcome as CommandOutcome
from app.schema.context import Info
from app.schema.enums import ErrorCode, Role
from app.schema.errors import UserError, user_error
from app.schema.inputs import given, plain, refuse_unstorable, without_unstorable

log = logging.getLogger(__name__)

Write = tuple[Callable[..., Change], dict[str, Any]]


class Finished:
    """Says once what became of a command, to whoever counts and in the log."""

    def __init__(self, observer: Observer, verb: str, actor: Actor) -> None:
        self._observer = observer
        self._verb = verb
        self._actor = actor
        self._began = time.perf_counter()

    def tell(self, outcome: CommandOutcome, receipt: Receipt, code: ErrorCode | None = None) -> None:
        self._observer.command(self._verb, outcome, code)
        fields: dict[str, Any] = {
            "verb": self._verb,
            "outcome": outcome,
            "ms": round((time.perf_counter() - self._began) * 1000, 1),
            "actor": self._actor.name,
            "command_id": receipt.command_id or None,
            **receipt.about,
            "code": code,
        }
        log.info("command", extra={name: value for name, value in fields.items() if value is not None})


@dataclasses.dataclass(slots=True)
class Outcome:
    """What a mutation answers from: ids on success, refusals otherwise."""

    refs: dict[str, Any]
    command_id: str | None
    errors: list[UserError]

    def ref(self, name: str) -> str | None:
        found: str | None = self.refs.get(name)
        return found


async def act(
    info: Info,
    roles: frozenset[Role],
    input: Any,
    prepare: Callable[[], Write | Awaitable[Write]],
    *,
    rehearse: bool = False,
) -> Outcome:
    """Carry a mutation out. `prepare` turns the input into one command; what it refuses is recorded as refused."""
    context, sent = info.context, plain(input)
    request = Request(
        verb=info.field_name,
        actor=context.actor,
        input=without_unstorable(sent),
        idempotency_key=given(getattr(input, "idempotency_key", None)),
    )
    receipt, end = None, Finished(context.services.observer, request.verb, context.actor)
    try:
        refuse_unstorable(sent, "input")
        request = dataclasses.replace(request, reason=_reason(input))
        context.actor.require(roles)
        if request.idempotency_key is not None and not rehearse:
            # before anything is looked up: what the first request found may be gone by now
            receipt = await context.services.db.read(writes.audit.answered, request)
        if receipt is not None:
            end.tell("repeated", receipt)
        else:
            prepared = prepare()
            change, arguments = await prepared if isawaitable(prepared) else prepared
            receipt = await _carry_out(info, request, change, arguments, rehearse=rehearse)
            end.tell("rehearsed" if rehearse else "carried_out", receipt)
    except AppError as error:
        command_id = (
            None if rehearse else await context.services.db.write(writes.audit.reject, request, error)
        )
        end.tell("refused", Receipt(command_id or "", {}), error.code)
        return Outcome({}, command_id, [user_error(error)])
    except Exception:
        end.tell("failed", Receipt("", {}))
        raise
    finally:
        context.forget()  # an earlier mutation of the same document may have read what has changed now
    return Outcome(receipt.refs, receipt.command_id or None, [])


def refuse_scoped(actor: Actor) -> None:
    """What concerns every project is not for a token of one."""
    if actor.project_id is not None:
        raise AppError(
            ErrorCode.FORBIDDEN,
            "A token for one project may not do this.",
            suggestion="Use a token that is good for every project.",
        )


def _reason(input: Any) -> str | None:
    reason: str | None = given(getattr(input, "reason", None))
    return None if reason is None else limits.text(reason, "input", "reason", limit=limits.TITLE)


async def _carry_out(
    info: Info,
    request: Request,
    change: Callable[..., Change],
    arguments: dict[str, Any],
    *,
    rehearse: bool,
) -> Receipt:
    db = info.context.services.db
    if rehearse:
        return await db.rehearse(writes.audit.rehearse, request.actor, change, **arguments)
    return await db.write(writes.audit.perform, request, change, **arguments)
