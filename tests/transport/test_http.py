"""GraphQL over HTTP: what is answered, and to what."""

import asyncio
import json
import logging
from typing import Any

import pytest

from app.transport import bodies
from tests.transport.serving import ADMIN, Served

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"


def code(answer: Any) -> str:
    (error,) = answer.json()["errors"]
    return str(error["extensions"]["code"])


async def test_a_query_in_both_media_types(served: Served) -> None:
    async with served.client() as client:
        for accept, media in ((JSON, JSON), (GRAPHQL, GRAPHQL), ("*/*", JSON), ("text/html", JSON)):
            answer = await client.post("/graphql", json={"query": "{hello}"}, headers={"accept": accept})
            assert answer.status_code == 200
            assert answer.headers["content-type"] == f"{media}; charset=utf-8"
            assert answer.headers["vary"] == "Accept"
            assert answer.json() == {"data": {"hello": "hello world"}}
        urql = f"{GRAPHQL}, {JSON}, text/event-stream, multipart/mixed"
        answer = await client.post("/graphql", json={"query": "{hello}"}, headers={"accept": urql})
        assert answer.headers["content-type"].startswith(GRAPHQL)
        answer = await client.post(
            "/graphql", json={"query": "{hello}"}, headers={"accept": f"{GRAPHQL};q=0.4, {JSON};q=0.5"}
        )
        assert answer.headers["content-type"].startswith(JSON)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"query": "{hello"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{nope}"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query($n: Int!){hello(number: $n)}", "variables": {"n": "x"}}, "BAD_USER_INPUT"),
        ({"query": "query a{hello} query b{hello}", "operationName": "c"}, "BAD_REQUEST"),
        ({"query": "subscription{ticks{cursor}}"}, "BAD_REQUEST"),
    ],
)
async def test_request_errors_have_no_data_and_a_code(
    served: Served, body: dict[str, Any], expected: str
) -> None:
    async with served.client() as client:
        for accept, status in ((GRAPHQL, 400), (JSON, 200)):
            answer = await client.post("/graphql", json=body, headers={"accept": accept})
            assert answer.status_code == status
            assert "data" not in answer.json()
            assert code(answer) == expected
            assert answer.json()["errors"][0]["message"] not in ("", "Internal error.")


async def test_an_empty_operation_name_is_none(served: Served) -> None:
    answer = await served.ask("query a {hello}", operationName="")
    assert answer.json()["data"] == {"hello": "hello world"}


BODIES = [
    (b"", 400),
    (b"{", 400),
    (b"null", 400),
    (b"5", 400),
    (b'"x"', 400),
    (b"[]", 400),
    (b'[{"query":"{hello}"}]', 400),
    (b"{}", 400),
    (b'{"query":5}', 400),
    (b'{"query":"  "}', 400),
    (b'{"query":"{hello}","variables":[]}', 400),
    (b'{"query":"{hello}","operationName":{}}', 400),
    (b'{"query":"{hello}","extensions":1}', 400),
    (b'{"query":"{hello}","query":"{me{hello}}"}', 400),
    (b'{"query":"{hello}","variables":{"a":NaN}}', 400),
    (b'{"query":"{hello}","variables":{"a":1e999}}', 400),
    (b'{"query":"{hello}","variables":{"a":"\\ud800"}}', 400),
    (b'{"query":"{hello}","variables":{"a":' + b"1" * 20_000 + b"}}", 400),
    (b'{"query":"{hello}","variables":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}", 400),
    (b'{"query":"{hello}","variables":{"a":' + b"[" * 100 + b"]" * 100 + b"}}", 400),
    (b"\xff\xfe", 400),
    (b'\xef\xbb\xbf{"query":"{hello}"}', 400),
    ('{"query":"{hello}"}'.encode("utf-16"), 400),
    (b'{"query":"{hello}","variables":{"a":"' + b"x" * bodies.BODY_BYTES + b'"}}', 413),
    (b'{"query":"{hello}","variables":{"a":"\\ud83d\\ude00","b":[[[]]]}}', 200),
]


async def test_bodies(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    async with served.client() as client:
        for body, status in BODIES:
            answer = await client.post("/graphql", content=body, headers={"content-type": JSON})
            assert answer.status_code == status, body[:80]
            if status != 200:
                assert code(answer) == ("PAYLOAD_TOO_LARGE" if status == 413 else "BAD_REQUEST")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_body_without_a_length_is_counted_as_it_comes(served: Served) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b"x" * 64 * 1024

    async with served.client() as client:
        answer = await client.post("/graphql", content=endless(), headers={"content-type": JSON})
        assert answer.status_code == 413


async def test_only_plain_json_is_read(served: Served) -> None:
    async with served.client() as client:
        for headers in (
            {"content-type": "text/plain"},
            {"content-type": "text/plain;application/json"},
            {"content-type": "application/jsonx"},
            {"content-type": "application/x-www-form-urlencoded"},
            {"content-type": "application/json; charset=utf-16"},
            {"content-type": "application/json", "content-encoding": "gzip"},
            {},
        ):
            answer = await client.post("/graphql", content=b'{"query":"{hello}"}', headers=headers)
            assert answer.status_code == 415, headers
            assert code(answer) == "UNSUPPORTED_MEDIA_TYPE"


async def test_other_methods(served: Served) -> None:
    async with served.client() as client:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
            answer = await client.request(method, "/graphql")
            assert answer.status_code == 405
            assert answer.headers["allow"] == "POST"
        answer = await client.get("/graphql", params={"query": "{hello}"})
        assert answer.status_code == 405


async def test_a_browser_is_told_what_this_is(served: Served) -> None:
    async with served.client(token=None, accept="text/html,application/xhtml+xml,*/*;q=0.8") as client:
        answer = await client.get("/graphql")
        assert answer.status_code == 200
        assert "GraphQL client" in answer.text
        assert answer.headers["content-type"].startswith("text/html")


async def test_a_body_that_does_not_come_is_not_waited_for(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "STALL_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ADMIN}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    writer.write(head.encode())
    async with asyncio.timeout(10):
        answer = (await reader.read()).decode()
    writer.close()
    assert answer.startswith("HTTP/1.1 408")
    assert json.loads(answer.partition("\r\n\r\n")[2])["errors"][0]["extensions"]["code"] == "REQUEST_TIMEOUT"


async def test_refusals_are_told_and_bugs_are_not(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    answer = await served.ask("{refused bug hello}")
    assert answer.status_code == 200
    assert answer.json()["data"] == {"refused": None, "bug": None, "hello": "hello world"}
    errors = {error["path"][0]: error for error in answer.json()["errors"]}
    assert errors["refused"]["message"] == "There is no such thing."
    assert errors["refused"]["extensions"] == {"code": "NOT_FOUND", "suggestion": "Look elsewhere."}
    assert errors["bug"]["message"] == "Internal error."
    correlation_id = errors["bug"]["extensions"]["correlationId"]
    assert "hunter2" not in answer.text
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert correlation_id in record.getMessage()
    assert record.exc_info is not None
    assert "hunter2" in str(record.exc_info[1])


async def test_a_missing_value_is_a_bug(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    answer = await served.ask("{nothing}")
    assert code(answer) == "INTERNAL"
    assert answer.json()["data"] is None


async def test_few_errors_of_many_are_told(served: Served) -> None:
    answer = await served.ask("{" + " ".join(f"no{number}" for number in range(100)) + "}")
    assert len(answer.json()["errors"]) == 5


async def test_other_routes_can_ask_who_it_is(served: Served) -> None:
    async with served.client() as client:
        assert (await client.get("/whoami")).text == "admin"
    async with served.client(token=None) as client:
        answer = await client.get("/whoami")
        assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED")
