"""Every code that the transport refuses with is really sent by a server."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import httpx
import pytest

from app.store.db import Database
from app.transport import bodies, limits
from app.transport.refusals import ADVICE, TransportCode
from tests.transport.serving import ADMIN, Served, heard, serving, subscribe

Serve = Callable[..., AbstractAsyncContextManager[Served]]
Provoke = Callable[[Serve], Awaitable[Any]]

HELLO: Final = {"query": "{hello}"}


def asking(query: str, **body: Any) -> Provoke:
    async def ask(serve: Serve) -> Any:
        async with serve() as served:
            return (await served.ask(query, **body)).json()

    return ask


def sending(method: str = "POST", *, token: str | None = ADMIN, **request: Any) -> Provoke:
    async def send(serve: Serve) -> Any:
        async with serve() as served, served.client(token) as client:
            answer: httpx.Response = await client.request(method, "/graphql", **{"json": HELLO, **request})
            return answer.json()

    return send


async def a_body_that_does_not_come(serve: Serve) -> Any:
    async with serve() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ADMIN}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        writer.write(head.encode())
        answer = (await reader.read()).decode()
        writer.close()
        return json.loads(answer.partition("\r\n\r\n")[2])


async def a_query_that_takes_too_long(serve: Serve) -> Any:
    async with serve(request_timeout_seconds=0.1) as served:
        return (await served.ask("mutation{work}")).json()


async def an_operation_too_many(serve: Serve) -> Any:
    async with serve(max_operations_per_socket=1) as served, served.socket() as socket:
        for id in ("first", "second"):
            await subscribe(socket, "subscription{forever{cursor}}", id=id)
        messages = [await heard(socket) for _ in range(2)]
        (refused,) = [message for message in messages if message["type"] == "error"]
        return {"errors": refused["payload"]}


async def mutations_too_often(serve: Serve) -> Any:
    async with serve(mutations_per_second=0.1) as served:
        served.state.release.set()
        await served.ask("mutation{work}")
        return (await served.ask("mutation{work}")).json()


def fields_inside_each_other(depth: int) -> str:
    return f"{{hello {'me{' * depth}hello{'}' * depth}}}"


PROVOKED: Final[dict[TransportCode, Provoke]] = {
    TransportCode.UNAUTHENTICATED: sending(token=None),
    TransportCode.FORBIDDEN: sending(headers={"origin": "http://evil.test"}),
    TransportCode.BAD_REQUEST: sending(json=[HELLO]),
    TransportCode.METHOD_NOT_ALLOWED: sending("PUT"),
    TransportCode.REQUEST_TIMEOUT: a_body_that_does_not_come,
    TransportCode.PAYLOAD_TOO_LARGE: sending(json={"query": "{hello}", "x": "x" * bodies.BODY_BYTES}),
    TransportCode.UNSUPPORTED_MEDIA_TYPE: sending(json=None, content="{hello}"),
    TransportCode.MISDIRECTED_REQUEST: sending(headers={"host": "evil.test"}),
    TransportCode.UNAVAILABLE: a_query_that_takes_too_long,
    TransportCode.LIMIT_EXCEEDED: an_operation_too_many,
    TransportCode.RATE_LIMITED: mutations_too_often,
    TransportCode.QUERY_TOO_COMPLEX: asking(
        f"{{{' '.join(f'a{n}: hello' for n in range(limits.ALIASES + 1))}}}"
    ),
    TransportCode.QUERY_TOO_DEEP: asking(fields_inside_each_other(limits.DEPTH + 1)),
    TransportCode.GRAPHQL_PARSE_FAILED: asking("{"),
    TransportCode.GRAPHQL_VALIDATION_FAILED: asking("{goodbye}"),
    TransportCode.BAD_USER_INPUT: asking("query($n: Int!) {hello(number: $n)}", variables={"n": "one"}),
    TransportCode.INTERNAL: asking("{bug}"),
}


def test_every_code_has_a_provocation_and_a_row_in_the_manual() -> None:
    assert set(PROVOKED) == set(TransportCode) == set(ADVICE)


@pytest.mark.parametrize("code", PROVOKED)
async def test_a_server_sends_the_code(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, code: TransportCode
) -> None:
    monkeypatch.setattr(bodies, "STALL_SECONDS", 0.1)
    async with asyncio.timeout(30):
        answer = await PROVOKED[code](lambda **terms: serving(sqlite_db, **terms))
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
