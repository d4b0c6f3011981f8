"""Refusals of the transport, in the one shape that GraphQL clients understand."""

from collections.abc import Mapping
from enum import StrEnum

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from app.transport.media import header, negotiated


class TransportCode(StrEnum):
    """`extensions.code` of what is refused before, or instead of, running an operation."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    BAD_REQUEST = "BAD_REQUEST"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    MISDIRECTED_REQUEST = "MISDIRECTED_REQUEST"
    UNAVAILABLE = "UNAVAILABLE"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    QUERY_TOO_DEEP = "QUERY_TOO_DEEP"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    INTERNAL = "INTERNAL"


class Refused(Exception):
    """Ends a request with a status and a GraphQL error."""

    def __init__(
        self,
        status: int,
        code: TransportCode,
        message: str,
        *,
        suggestion: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.suggestion = suggestion
        self.headers = dict(headers or {})

    def response(self, accept: str | None) -> Response:
        extensions: dict[str, str] = {"code": self.code}
        if self.suggestion is not None:
            extensions["suggestion"] = self.suggestion
        body = {"errors": [{"message": self.message, "extensions": extensions}]}
        headers = {
            "content-type": f"{negotiated(accept)}; charset=utf-8",
            "cache-control": "no-store",
            **self.headers,
        }
        return JSONResponse(body, self.status, headers)


async def refuse(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request, or a WebSocket handshake, with a refusal."""
    response = refused.response(header(scope, b"accept"))
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    socket = WebSocket(scope, receive, send)
    if "websocket.http.response" in scope.get("extensions", {}):
        await socket.send_denial_response(response)
    else:
        await socket.close(1008, refused.message)
