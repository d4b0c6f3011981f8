"""graphql-transport-ws: what a client may do, and what happens to one that may not."""

import json
import logging
from typing import Any

import pytest

from app.domain.access import Actor, Role
from app.transport import view
from app.transport.connection import MESSAGE_BYTES, shortened
from app.transport.handler import PING_BURST
from tests.live.waiting import until
from tests.transport.serving import Served, closed, heard, say, subscribe


async def test_all_three_kinds_of_operations(served: Served) -> None:
    served.state.release.set()
    async with served.socket() as socket:
        await subscribe(socket, "{hello}", id="q")
        assert await heard(socket) == {
            "id": "q",
            "type": "next",
            "payload": {"data": {"hello": "hello world"}},
        }
        assert await heard(socket) == {"id": "q", "type": "complete"}
        await subscribe(socket, "mutation{work}", id="m")
        assert (await heard(socket))["payload"] == {"data": {"work": "done"}}
        assert (await heard(socket))["type"] == "complete"
        await subscribe(socket, "subscription($n: Int!){ticks(count: $n){cursor}}", variables={"n": 2})
        assert [(await heard(socket))["type"] for _ in range(3)] == ["next", "next", "complete"]


async def test_every_operation_has_a_context_of_its_own(served: Served) -> None:
    async with served.socket() as socket:
        for _ in range(2):
            await subscribe(socket, "subscription{ticks(count: 1){cursor}}")
            assert [(await heard(socket))["type"] for _ in range(2)] == ["next", "complete"]
    one, other = served.state.contexts
    assert one is not other
    assert one.request_id != other.request_id


BAD_MESSAGES = [
    "not json",
    "[]",
    "5",
    "null",
    "{}",
    '{"type":5}',
    '{"type":"nope"}',
    '{"type":"ping","type":"ping"}',
    '{"type":"ping","payload":NaN}',
    '{"type":"ping","payload":"\\ud800"}',
    '{"type":"ping","payload":' + "[" * 30_000 + "]" * 30_000 + "}",
    '{"type":"ping","payload":5}',
    '{"type":"connection_init","payload":[]}',
    '{"type":"connection_init","payload":{"token":5}}',
    '{"type":"subscribe","payload":{"query":"{hello}"}}',
    '{"type":"subscribe","id":{},"payload":{"query":"{hello}"}}',
    '{"type":"subscribe","id":"","payload":{"query":"{hello}"}}',
    '{"type":"subscribe","id":"' + "x" * 65 + '","payload":{"query":"{hello}"}}',
    '{"type":"subscribe","id":"1","payload":null}',
    '{"type":"subscribe","id":"1","payload":{"query":5}}',
    '{"type":"subscribe","id":"1","payload":{"query":"{hello}","variables":[1]}}',
    '{"type":"subscribe","id":"1","payload":{"query":"{hello}","operationName":{}}}',
    '{"type":"subscribe","id":"1","payload":{"query":"{hello}","extensions":1}}',
    '{"type":"complete","id":null}',
    b'{"type":"ping"}',
]


async def test_a_bad_message_closes_the_socket_with_4400(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    for message in BAD_MESSAGES:
        for hello in (True, False):
            async with served.socket(hello=hello) as socket:
                await socket.send(message)
                code, reason = await closed(socket)
                assert code == 4400, message[:80]
                assert reason
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_null_payloads_and_pings(served: Served) -> None:
    headers = {"authorization": "Bearer trk_admin-of-the-tests"}
    async with served.socket(hello=False, additional_headers=headers) as socket:
        await say(socket, "ping", payload=None)
        assert (await heard(socket))["type"] == "pong"
        await say(socket, "connection_init", payload=None)
        assert (await heard(socket))["type"] == "connection_ack"
        await say(socket, "pong", payload={})


BAD_OPERATIONS = [
    ("{hello", "GRAPHQL_PARSE_FAILED"),
    ("{nope}", "GRAPHQL_VALIDATION_FAILED"),
    ("{hello(name: 5)}", "GRAPHQL_VALIDATION_FAILED"),
    ("query a{hello} query b{hello}", "BAD_REQUEST"),
    ("{hello" + " " * 40_000 + "}", "QUERY_TOO_COMPLEX"),
    ("", "BAD_REQUEST"),
    ("subscription{refuses{cursor}}", "INVALID_INPUT"),
    ("subscription{breaks{cursor}}", "INTERNAL"),
]


async def test_a_bad_operation_ends_alone(served: Served) -> None:
    async with served.socket() as socket:
        await subscribe(socket, "subscription{forever{cursor}}", id="other")
        assert (await heard(socket))["id"] == "other"
        for query, code in BAD_OPERATIONS:
            name = {"operationName": "c"} if query.startswith("query a") else {}
            await subscribe(socket, query, id="bad", **name)
            message = await heard(socket)
            if "breaks" in query:
                assert message["payload"]["data"] == {"breaks": {"cursor": "0"}}
                message = await heard(socket)
            payload = message["payload"]
            (error,) = payload if message["type"] == "error" else payload["errors"]
            assert error["extensions"]["code"] == code, query[:80]
            assert "hunter2" not in json.dumps(message)
            if message["type"] == "next":
                assert await heard(socket) == {"id": "bad", "type": "complete"}
        await subscribe(socket, "{hello}", id="bad")  # the id is free again, and the socket alive
        assert (await heard(socket))["payload"]["data"] == {"hello": "hello world"}
        assert served.state.ended == 0


async def test_no_greeting_in_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.service.endpoint, "connection_init_wait_timeout", view.timedelta(seconds=0.05))
    async with served.socket(hello=False) as socket:
        assert (await closed(socket))[0] == 4408


async def test_greetings_ids_and_subprotocols(served: Served) -> None:
    async with served.socket() as socket:
        await say(socket, "connection_init", payload={"token": "trk_admin-of-the-tests"})
        assert (await closed(socket))[0] == 4429
    async with served.socket() as socket:
        await subscribe(socket, "subscription{forever{cursor}}")
        await subscribe(socket, "subscription{forever{cursor}}")
        assert (await closed(socket))[0] == 4409
    for protocols in (None, ["graphql-ws"], ["nope"]):
        async with served.socket(hello=False, subprotocols=protocols) as socket:
            assert (await closed(socket))[0] == 4406


async def test_a_hundred_operations_and_not_one_more(served: Served) -> None:
    async with served.socket() as socket:
        for number in range(101):
            await subscribe(socket, "subscription{forever{cursor}}", id=str(number))
        messages = [await heard(socket) for _ in range(101)]
        (refused,) = [message for message in messages if message["type"] == "error"]
        assert refused["id"] == "100"
        assert refused["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        await say(socket, "complete", id="7")
        await subscribe(socket, "{hello}", id="100")
        assert (await heard(socket))["type"] == "next"


async def test_a_flood_of_pings(served: Served) -> None:
    async with served.socket() as socket:
        for _ in range(PING_BURST + 5):
            await say(socket, "ping")
        assert await closed(socket) == (4429, "Too many pings")


async def test_a_long_message(served: Served) -> None:
    async with served.socket() as socket:
        await socket.send('{"type":"ping","payload":{"x":"' + "x" * MESSAGE_BYTES + '"}}')
        assert (await closed(socket))[0] == 1009
    async with served.socket() as socket:
        await socket.send("x" * 2 * 1024 * 1024)
        assert (await closed(socket))[0] == 1009


async def test_a_runner_reports_in_batches(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Actor(id="runner:w", name="runner:w", role=Role.RUNNER, worker_id="w", fence=1)

    async def identify(_secret: str | None) -> Actor:
        return runner

    monkeypatch.setattr(served.service.authenticator, "identify", identify)
    async with served.socket() as socket:
        await subscribe(
            socket, "query($name: String!){hello(name: $name)}", variables={"name": "x" * 700_000}
        )
        message = await heard(socket)
        assert len(message["payload"]["data"]["hello"]) > 700_000


def test_reasons_fit_into_a_close_frame() -> None:
    assert shortened("é" * 100) == "é" * 61
    assert len(shortened("x" * 1000)) == 123


async def test_what_is_followed_ends_when_it_is_left(served: Served) -> None:
    async with served.socket() as socket:
        await subscribe(socket, "subscription{forever{cursor}}")
        assert (await heard(socket))["type"] == "next"
        await say(socket, "complete", id="1")
        await until(lambda: served.state.ended == 1)
        await subscribe(socket, "subscription{forever{cursor}}")
        assert (await heard(socket))["type"] == "next"
        transport: Any = socket.transport
        transport.abort()
        await until(lambda: served.state.ended == 2)
