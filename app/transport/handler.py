"""graphql-transport-ws on one socket: Strawberry's handler, with a context and an identity check for each operation."""

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from graphql import GraphQLError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.utils.aio import aclosing

from app.domain.access import Actor, Role
from app.logs import about
from app.transport.connection import RUNNER_MESSAGE_BYTES, Connection
from app.transport.errors import internal
from app.transport.identity import address_of, bearer
from app.transport.limits import operation_type
from app.transport.messages import fault
from app.transport.operations import Ending, new_request_id, observed
from app.transport.refusals import Refused, TransportCode

if TYPE_CHECKING:
    from app.transport.view import View

log = logging.getLogger(__name__)

RUNNER_OPERATIONS: Final = 100
"""At least: no setting keeps a runner from reporting."""
PING_BURST: Final = 50
PINGS_PER_SECOND: Final = 1.0

BAD_MESSAGE, UNAUTHORIZED, FORBIDDEN, TOO_MANY = 4400, 4401, 4403, 4429
SLOW_CONSUMER, TOKEN_EXPIRED, GOING_AWAY, INTERNAL_ERROR = 4410, 4411, 1001, 1011


class Running(Operation[Any, None]):
    """An operation, and whether it ends by itself: a query or a mutation is waited for when the server goes away."""

    __slots__ = ("ends", "extensions", "kind")

    def __init__(self, handler: "Handler", message: dict[str, Any]) -> None:
        payload = message["payload"]
        name = payload.get("operationName") or None
        super().__init__(handler, message["id"], payload["query"], payload.get("variables"), name)
        self.extensions: dict[str, Any] | None = payload.get("extensions")
        self.kind = operation_type(self.query, name)
        self.ends = self.kind is not OperationType.SUBSCRIPTION


class Handler(BaseGraphQLTransportWSHandler[Any, None]):
    view: "View"
    websocket: Connection

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.secret: str | None = bearer(self.websocket.ws.scope)
        self.actor: Actor | None = None
        self._pings = float(PING_BURST)
        self._pinged_at = 0.0

    @property
    def _most_operations(self) -> int:
        limit = self.max_subscriptions_per_connection or 0
        runs_a_worker = self.actor is not None and self.actor.role is Role.RUNNER
        return max(limit, RUNNER_OPERATIONS) if runs_a_worker else limit

    @property
    def subscriptions(self) -> int:
        return sum(isinstance(one, Running) and not one.ends for one in self.operations.values())

    async def handle(self) -> None:
        with self.view.sockets.holding(self):
            try:
                await super().handle()
            except Exception as error:
                internal(error)
                await self.websocket.close(INTERNAL_ERROR, "Internal error")

    async def handle_message(self, message: Any) -> None:
        wrong = fault(message)
        if wrong is not None:
            await self.websocket.close(BAD_MESSAGE, wrong)
        else:
            await super().handle_message(message)

    # ------------------------------------------------------------------ who

    async def handle_connection_init(self, message: Any) -> None:
        if self.connection_timed_out:
            return
        if self.connection_init_received:
            await self.websocket.close(TOO_MANY, "Too many initialisation requests")
            return
        self.connection_init_received = True
        if self.connection_init_timeout_task is not None:
            self.connection_init_timeout_task.cancel()
        self.secret = (message.get("payload") or {}).get("token", self.secret)
        try:
            actor = await self.view.authenticator.admit(self.secret, address_of(self.websocket.ws.scope))
        except Refused as refused:
            await self.websocket.close(TOO_MANY, refused.message)
            return
        if actor is None:
            await self.websocket.close(FORBIDDEN, "Forbidden")
            return
        if (full := self.view.sockets.refusal(self, actor)) is not None:
            await self.websocket.close(TOO_MANY, full)
            return
        if actor.role is Role.RUNNER:
            self.websocket.message_bytes = RUNNER_MESSAGE_BYTES
        await self.send_message({"type": "connection_ack"})
        self.connection_acknowledged = True

    async def _identified(self) -> Actor | None:
        """The caller as of now: a token may have been revoked since the socket was opened."""
        actor = await self.view.authenticator.identify(self.secret)
        if actor is None:
            await self.expire()
        return actor

    # ------------------------------------------------------------------ messages

    async def handle_ping(self, message: Any) -> None:
        now = asyncio.get_running_loop().time()
        self._pings = min(float(PING_BURST), self._pings + (now - self._pinged_at) * PINGS_PER_SECOND)
        self._pinged_at = now
        if self._pings < 1:
            await self.websocket.close(TOO_MANY, "Too many pings")
            return
        self._pings -= 1
        await super().handle_ping(message)

    async def handle_subscribe(self, message: Any) -> None:
        id = message["id"]
        if not self.connection_acknowledged:
            await self.websocket.close(UNAUTHORIZED, "Unauthorized")
        elif id in self.operations:
            await self.websocket.close(4409, f"Subscriber for {id} already exists")
        elif self.view.sockets.leaving:
            await self._refuse(id, TransportCode.UNAVAILABLE, "The server is going away.")
        elif len(self.operations) >= self._most_operations:
            await self._refuse(
                id,
                TransportCode.LIMIT_EXCEEDED,
                f"A socket may have {self._most_operations} operations at a time.",
            )
        else:
            operation = Running(self, message)
            operation.task = asyncio.create_task(self.run_operation(operation))
            operation.task.add_done_callback(self._task_done)
            self.operations[id] = operation

    async def _refuse(self, id: str, code: TransportCode, message: str) -> None:
        error = GraphQLError(message, extensions={"code": code})
        await self.send_message({"id": id, "type": "error", "payload": [error.formatted]})

    # ------------------------------------------------------------------ operations

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        assert isinstance(operation, Running)
        try:
            await self._run(operation)
        except WebSocketDisconnected:
            pass  # nobody is left to be answered
        except Exception as error:
            with suppress(WebSocketDisconnected):
                await operation.send_initial_errors([internal(error)])
        finally:
            if self.operations.get(operation.id) is operation:
                del self.operations[operation.id]

    async def _run(self, operation: Running) -> None:
        actor = await self._identified()
        if actor is None:
            return
        request_id = new_request_id()
        with (
            about(request_id=request_id, actor=actor.name),
            observed(self.view.observer, operation.query, operation.operation_name) as ending,
        ):
            try:
                self.view.count_mutations(actor, operation.query, operation.operation_name)
                async with self.view.deadline(actor, operation.kind):
                    await self._answer(operation, self.view.new_context(actor, request_id), ending)
            except Refused as refused:
                ending.outcome = "refused"
                error = GraphQLError(refused.message, extensions=refused.extensions)
                await operation.send_initial_errors([error])

    async def _answer(self, operation: Running, context: Any, ending: Ending) -> None:
        results = await self.schema.stream(
            operation.query,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.operation_name,
            operation_extensions=operation.extensions,
        )
        async with aclosing(results):
            async for result in results:
                if isinstance(result, PreExecutionError):
                    ending.outcome = "refused"
                    await operation.send_initial_errors(result.errors or [])
                    return
                assert isinstance(result, ExecutionResult), "incremental delivery is off"
                await operation.send_next(ending.with_result(result))
                self.websocket.last_cursor = _cursor_in(result.data) or self.websocket.last_cursor
        await operation.send_operation_message({"id": operation.id, "type": "complete"})

    # ------------------------------------------------------------------ the end

    async def leave(self, code: int, reason: str) -> None:
        """End every operation without a word for each, then close with one for all."""
        me = asyncio.current_task()
        for operation in list(self.operations.values()):
            if operation.task is not None and operation.task is not me:
                operation.task.cancel()
        await self.websocket.close(code, reason)

    async def evict(self) -> None:
        """The client does not read: what waits for it is given up, and read again from the log when it comes back."""
        cursor = self.websocket.last_cursor
        hint = f"resume after {cursor}" if cursor is not None else "resume after your last cursor"
        await self.leave(SLOW_CONSUMER, f"Slow consumer: {hint}")

    async def expire(self) -> None:
        await self.leave(TOKEN_EXPIRED, "Token expired or revoked")

    async def drain(self, seconds: float) -> None:
        """Wait for what ends by itself, then go away. Whatever is followed can be resumed elsewhere."""
        ending = []
        for operation in list(self.operations.values()):
            if operation.task is None:
                continue
            if isinstance(operation, Running) and operation.ends:
                ending.append(operation.task)
            else:
                operation.task.cancel()
        if ending:
            await asyncio.wait(ending, timeout=seconds)
        await self.leave(GOING_AWAY, "going away")


def _cursor_in(data: Any) -> str | None:
    """The position of the event that was sent, where the client asked for it under its own name."""
    for value in data.values() if isinstance(data, dict) else ():
        cursor = value.get("cursor") if isinstance(value, dict) else None
        if isinstance(cursor, str):
            return cursor
    return None
