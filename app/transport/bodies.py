"""Reading the body of a request without trusting its length, its speed or its content."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from strawberry.http import GraphQLRequestData

from app.transport.media import is_json
from app.transport.refusals import Refused, TransportCode
from app.transport.strict_json import NotStrict, parse

BODY_BYTES: Final = 1024 * 1024
DISCARD_BYTES: Final = 16 * BODY_BYTES
"""A client that is cut off in the middle of sending does not see why, so this much is read and thrown away."""
STALL_SECONDS: Final = 5.0
BODY_SECONDS: Final = 30.0

_CLOSE: Final = {"connection": "close"}
"""What has not been read would otherwise be taken for the next request, or read for nothing."""


async def read_operation(request: Request) -> GraphQLRequestData:
    """The operation in the body of a POST."""
    if not is_json(request.headers.get("content-type")) or "content-encoding" in request.headers:
        raise Refused(
            415,
            TransportCode.UNSUPPORTED_MEDIA_TYPE,
            "The body has to be application/json in UTF-8, not compressed.",
            headers=_CLOSE,
        )
    body = await _read(request)
    try:
        return operation_in(parse(body))
    except NotStrict as error:
        raise Refused(400, TransportCode.BAD_REQUEST, f"The body cannot be read as JSON. {error}") from error


def operation_in(fields: Any) -> GraphQLRequestData:
    """The parts of an operation, each of its type. An empty operation name is none."""
    if isinstance(fields, list):
        raise _bad("Batches are not served: send one operation in a request.")
    if not isinstance(fields, dict):
        raise _bad("The body has to be a JSON object.")
    query, variables = fields.get("query"), fields.get("variables")
    name, extensions = fields.get("operationName"), fields.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise _bad("`query` has to be a GraphQL document.")
    if not isinstance(variables, dict | None):
        raise _bad("`variables` has to be an object or null.")
    if not isinstance(name, str | None):
        raise _bad("`operationName` has to be a string or null.")
    if not isinstance(extensions, dict | None):
        raise _bad("`extensions` has to be an object or null.")
    return GraphQLRequestData(
        query=query, variables=variables, operation_name=name or None, extensions=extensions
    )


async def _read(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > DISCARD_BYTES:
        raise _too_large()
    body, size = bytearray(), 0
    chunks = request.stream()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while (chunk := await _next(chunks)) is not None:
                size += len(chunk)
                if size <= BODY_BYTES:
                    body += chunk
                elif size > DISCARD_BYTES:
                    break
    except TimeoutError as error:
        raise Refused(
            408, TransportCode.REQUEST_TIMEOUT, "The body did not arrive in time.", headers=_CLOSE
        ) from error
    except ClientDisconnect as error:
        raise _bad("The body ended early.") from error
    if size > BODY_BYTES:
        raise _too_large()
    return bytes(body)


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    async with asyncio.timeout(STALL_SECONDS):
        return await anext(chunks, None)


def _too_large() -> Refused:
    return Refused(
        413,
        TransportCode.PAYLOAD_TOO_LARGE,
        f"A request may have {BODY_BYTES:,} bytes.",
        suggestion="Send less at a time; large plans and files are given by path.",
        headers=_CLOSE,
    )


def _bad(message: str) -> Refused:
    return Refused(400, TransportCode.BAD_REQUEST, message)
