"""The dump of a server's state: lines of JSON, as they come."""

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx

from app.client.addresses import graphql_url, is_loopback
from app.client.discovery import Located
from app.client.errors import RequestFailed, Unreachable, failure

PATH: Final = "/state.ndjson"
_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)
_END: Final = '{"type":"End"'


async def lines(located: Located, parameters: Mapping[str, str]) -> AsyncGenerator[str, None]:
    """Each line of the dump. RequestFailed where it is refused, or ends before its last line."""
    parts = urlsplit(graphql_url(located.url))
    url = urlunsplit((parts.scheme, parts.netloc, PATH, "", ""))
    headers = {"user-agent": "trackside"}
    if located.token is not None:
        headers["authorization"] = f"Bearer {located.token}"
    last = ""
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT, trust_env=not is_loopback(url)) as client,
            client.stream("GET", url, params=dict(parameters), headers=headers) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise _refusal(await response.aread(), response.status_code)
            async for last in response.aiter_lines():
                yield last
    except httpx.ConnectError as error:
        raise Unreachable(f"{located.url} does not answer: {error}.") from error
    except httpx.TransportError as error:
        raise _cut_off() from error
    if not last.startswith(_END):
        raise _cut_off()


def _refusal(content: bytes, status: int) -> RequestFailed:
    try:
        errors = json.loads(content)["errors"]
    except (ValueError, KeyError, TypeError):
        errors = []
    return failure(errors, status)


def _cut_off() -> RequestFailed:
    return RequestFailed("FAILED", "The dump was cut off.", suggestion="Ask again.")
