"""Refusals of the transport, in the one shape that GraphQL clients understand."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from app.domain.errors import Advice
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
    RATE_LIMITED = "RATE_LIMITED"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    QUERY_TOO_DEEP = "QUERY_TOO_DEEP"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    INTERNAL = "INTERNAL"


_SMALLER: Final = "Ask for less at a time, in several operations: see [limits](limits.md)."

ADVICE: Final[Mapping[TransportCode, Advice]] = {
    TransportCode.UNAUTHENTICATED: Advice(
        "Status 401: there is no token, or it is unknown, revoked or expired.",
        "Send the header `Authorization: Bearer TOKEN`.",
    ),
    TransportCode.FORBIDDEN: Advice(
        "Status 403: a page of another origin has sent the request, or the token is not good for what is asked for.",
        "Add the origin to `TRACKSIDE_ALLOWED_ORIGINS` if its pages may; use a token that is good for every project.",
    ),
    TransportCode.BAD_REQUEST: Advice(
        "Status 400: the body is no JSON object with a `query`, a batch, names no operation of several, or the address "
        "holds a token.",
        "Correct the request.",
    ),
    TransportCode.METHOD_NOT_ALLOWED: Advice(
        "Status 405: the request is no POST.", "Send operations with POST."
    ),
    TransportCode.REQUEST_TIMEOUT: Advice(
        "Status 408: the body did not arrive in time.", "Send it again, on a connection that is fast enough."
    ),
    TransportCode.PAYLOAD_TOO_LARGE: Advice(
        "Status 413: the body is over the limit.", "Send less; give large plans and files by path."
    ),
    TransportCode.UNSUPPORTED_MEDIA_TYPE: Advice(
        "Status 415: the body is not `application/json`, not UTF-8, or compressed.",
        "Send the header `Content-Type: application/json`.",
    ),
    TransportCode.MISDIRECTED_REQUEST: Advice(
        "Status 421: the header `Host` names neither loopback nor the bound address.",
        "Add the name to `TRACKSIDE_ALLOWED_HOSTS` if the server goes by it.",
    ),
    TransportCode.UNAVAILABLE: Advice(
        "Status 503, or an error on a socket: the server is going away, has all the sockets it may have, or has not come "
        "to an end with a query, or not begun with a mutation, in time.",
        "Try again in a moment; `Retry-After` says when.",
    ),
    TransportCode.LIMIT_EXCEEDED: Advice(
        "A socket has too many operations at a time, or, with status 429, too many dumps are being written.",
        "End some of them, open another socket, or wait.",
    ),
    TransportCode.RATE_LIMITED: Advice(
        "Status 429, or an error on a socket: the token has sent too many mutations, or the address too many tokens that "
        "are no good.",
        "Wait as long as `Retry-After` and `retryAfterSeconds` say.",
    ),
    TransportCode.QUERY_TOO_COMPLEX: Advice(
        "The document has too many tokens, operations, aliases, fields or directives.", _SMALLER
    ),
    TransportCode.QUERY_TOO_DEEP: Advice(
        "Fields or fragments of the document are nested too deeply.", _SMALLER
    ),
    TransportCode.GRAPHQL_PARSE_FAILED: Advice(
        "The document is no GraphQL.", "Correct it where `locations` says."
    ),
    TransportCode.GRAPHQL_VALIDATION_FAILED: Advice(
        "The document does not fit the schema.", "Correct it: `GET /schema.graphql` gives the schema served."
    ),
    TransportCode.BAD_USER_INPUT: Advice(
        "A variable does not fit its type.", "Correct the variable that the message names."
    ),
    TransportCode.INTERNAL: Advice(
        "Something broke. `correlationId` stands in the server's log, beside what it was.",
        "Report it, with that id. Repeat mutations with the same idempotency key only.",
    ),
}


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
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.suggestion = suggestion
        self.headers = dict(headers or {})
        self.details = dict(details or {})

    @property
    def extensions(self) -> dict[str, Any]:
        """What an answer says beside the message."""
        said = {"code": self.code, **self.details}
        return said if self.suggestion is None else {**said, "suggestion": self.suggestion}

    def response(self, accept: str | None) -> Response:
        body = {"errors": [{"message": self.message, "extensions": self.extensions}]}
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
