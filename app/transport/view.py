"""The endpoint: Strawberry's view, with answers as GraphQL over HTTP asks and sockets that are looked after."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema import BaseSchema
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from app.domain.access import Actor, Role
from app.domain.observation import Observer
from app.logs import about
from app.store.deadlines import held_to_one
from app.transport.bodies import read_operation
from app.transport.connection import Connection
from app.transport.handler import Handler
from app.transport.identity import Authenticator, authenticate
from app.transport.limits import mutations_in, operation_type
from app.transport.media import GRAPHQL, negotiated
from app.transport.operations import new_request_id, observed
from app.transport.rates import Rate, too_often
from app.transport.refusals import Refused, TransportCode, refuse
from app.transport.sockets import Sockets

INIT_SECONDS: Final = 10.0

MakeContext = Callable[[Actor, str], Any]
"""Makes what resolvers get, from the caller and the id of the request: one for each operation."""

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Trackside: GraphQL</title>
<h1>This is the GraphQL endpoint</h1>
<p>Point a GraphQL client at this address: POST for queries and mutations, WebSocket (graphql-transport-ws) for all
operations, with the header <code>Authorization: Bearer TOKEN</code>. The first token is in the file <code>token</code>
of the server's data directory.</p>
"""


class View(GraphQL[Any, None]):
    websocket_adapter_class = Connection
    graphql_transport_ws_handler_class = Handler

    def __init__(
        self,
        schema: BaseSchema,
        authenticator: Authenticator,
        sockets: Sockets,
        make_context: MakeContext,
        observer: Observer,
        *,
        seconds: float,
        operations: int,
        mutations: Rate,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=operations,
            allowed_origins=["*"],  # the gate has looked already
        )
        self.authenticator = authenticator
        self.sockets = sockets
        self._make_context = make_context
        self.observer = observer
        self._seconds = seconds
        self._mutations = mutations

    def new_context(self, actor: Actor, request_id: str) -> Any:
        return self._make_context(actor, request_id)

    def count_mutations(self, actor: Actor, query: str, name: str | None) -> None:
        """Refused where this caller sends too many of them. Runners report as much as they have to."""
        wanted = mutations_in(query, name) if actor.role is not Role.RUNNER else 0
        if wanted and (seconds := self._mutations.take(actor.id, wanted)):
            raise too_often("Too many mutations with this token", seconds)

    @asynccontextmanager
    async def deadline(self, actor: Actor, kind: OperationType | None) -> AsyncIterator[None]:
        """Refused where what is inside takes too long.

        A mutation is given up only while nothing of it has begun: whoever is told that it failed can rely on it. What is
        followed, and what a runner does, takes as long as it likes.
        """
        if kind is OperationType.SUBSCRIPTION or actor.role is Role.RUNNER:
            yield
            return
        loop = asyncio.get_running_loop()
        with held_to_one() as deadline:

            def over() -> None:
                if kind is not OperationType.MUTATION or deadline.give_up():
                    limit.reschedule(loop.time())

            alarm = loop.call_later(self._seconds, over)
            try:
                async with asyncio.timeout(None) as limit:
                    yield
            except TimeoutError:
                if not limit.expired():
                    raise
                raise _too_late(self._seconds, kind) from None
            finally:
                alarm.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            if self.sockets.crowded:
                await refuse(_crowded(), scope, receive, send)
                return
            await self.run(WebSocket(scope, receive, send))
            return
        try:
            response = await self._answer(Request(scope, receive))
        except Refused as refused:
            await refuse(refused, scope, receive, send)
        else:
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_PAGE, headers={"content-security-policy": "default-src 'none'"})
        if request.method != "POST":
            raise Refused(
                405,
                TransportCode.METHOD_NOT_ALLOWED,
                "Operations are sent with POST.",
                headers={"allow": "POST"},
            )
        actor = request.state.actor = await authenticate(request.scope, self.authenticator)
        operation = request.state.operation = await read_operation(request)
        self.count_mutations(actor, operation.query or "", operation.operation_name)
        with about(actor=actor.name):
            async with self.deadline(actor, operation_type(operation.query or "", operation.operation_name)):
                return await self.run(request)

    # ------------------------------------------------------------------ what Strawberry asks for

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Any:
        """Of a request. On a socket every operation gets a context of its own, from its handler."""
        if not isinstance(request, Request):
            return None
        return self.new_context(
            request.state.actor, getattr(request.state, "request_id", "") or new_request_id()
        )

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        self_made = await super().get_sub_response(request)
        request.state.response = self_made
        self_made.headers["content-type"] = f"{negotiated(request.headers.get('accept'))}; charset=utf-8"
        return self_made

    async def execute_operation(self, *_: Any, **named: Any) -> ExecutionResult:
        request: Request = named["request"]
        operation: GraphQLRequestData = request.state.operation
        with observed(self.observer, operation.query or "", operation.operation_name) as ending:
            return ending.with_result(await self._execute(operation, named["context"]))

    async def _execute(self, operation: GraphQLRequestData, context: Any) -> ExecutionResult:
        try:
            return await self.schema.execute(
                operation.query,
                variable_values=operation.variables,
                context_value=context,
                operation_name=operation.operation_name,
                allowed_operation_types=(OperationType.QUERY, OperationType.MUTATION),
                operation_extensions=operation.extensions,
            )
        except CannotGetOperationTypeError as error:
            return _not_executed(error.as_http_error_reason())
        except InvalidOperationTypeError:
            return _not_executed("Subscriptions are served over a WebSocket (graphql-transport-ws).")

    async def parse_http_body(self, request: Any) -> GraphQLRequestData:
        """The body has been read already, by somebody less trusting."""
        return GraphQLRequestData(query=None, variables=None, operation_name=None, extensions=None)

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        data = await super().process_result(request, result)
        if _is_request_error(result):
            data.pop("data", None)  # the specification forbids the entry here
            if request.state.response.headers["content-type"].startswith(GRAPHQL):
                request.state.response.status_code = 400
        return data

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        return Response(
            self.encode_json(response_data),
            sub_response.status_code or 200,
            {**sub_response.headers, "vary": "Accept", "cache-control": "no-store"},
        )


def _too_late(seconds: float, kind: OperationType | None) -> Refused:
    return Refused(
        503,
        TransportCode.UNAVAILABLE,
        f"The mutation could not begin within {seconds:g} seconds; it has changed nothing."
        if kind is OperationType.MUTATION
        else f"The operation has not come to an end within {seconds:g} seconds.",
        suggestion="Try again in a moment."
        if kind is OperationType.MUTATION
        else "Ask for less at a time, or try again in a moment.",
        headers={"retry-after": "1"},
    )


def _crowded() -> Refused:
    return Refused(
        503,
        TransportCode.UNAVAILABLE,
        "This server has as many sockets as it may have.",
        suggestion="Try again in a moment, or have the operator raise max_sockets.",
        headers={"retry-after": "5"},
    )


def _not_executed(message: str) -> PreExecutionError:
    return PreExecutionError(None, [GraphQLError(message, extensions={"code": TransportCode.BAD_REQUEST})])


def _is_request_error(result: ExecutionResult) -> bool:
    """Nothing was executed: the text, the rules, a variable or the choice of the operation was wrong."""
    return isinstance(result, PreExecutionError) or (
        result.data is None and bool(result.errors) and all(not error.path for error in result.errors or ())
    )
