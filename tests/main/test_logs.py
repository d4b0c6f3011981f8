"""What the server writes to its log: lines with ids, in one form, and no secret."""

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import logs
from app.client.socket import GraphQLSocket
from tests.e2e.served import TOKEN, Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    env = {"TRACKSIDE_LOG_FORMAT": "json", "TRACKSIDE_LOG_LEVEL": "debug"}
    server = Served(tmp_path / "data", env=env)
    server.start()
    yield server
    if server.process is not None and server.process.poll() is None:
        server.stop()


def lines_of(served: Served, event: str) -> list[dict[str, Any]]:
    return [line for text in served.log().splitlines() if (line := json.loads(text))["event"] == event]


def ask(
    served: Served, document: str, token: str = TOKEN, path: str = "/graphql", **variables: Any
) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    body = {"query": document, "variables": variables}
    return httpx.post(f"{served.url}{path}", json=body, headers=headers, trust_env=False)


PAUSE = 'mutation($key: String) { pausePipeline(input: {reason: "a test", idempotencyKey: $key}) { command { id } } }'


def test_a_line_for_each_command_with_what_it_concerned(served: Served, tmp_path: Path) -> None:
    create = 'mutation($root: String!) { createProject(input: {name: "p", root: $root}) { project { id } } }'
    project = ask(served, create, root=str(tmp_path)).json()["data"]["createProject"]["project"]["id"]
    first = ask(served, PAUSE, key="one").json()["data"]["pausePipeline"]["command"]["id"]
    ask(served, PAUSE, key="one")
    ask(served, create, root="/no/such/place")
    served.stop()
    created, paused, again, refused = lines_of(served, "command")
    assert (created["verb"], created["outcome"], created["project_id"]) == (
        "createProject",
        "carried_out",
        project,
    )
    assert (paused["verb"], paused["command_id"], paused["level"]) == ("pausePipeline", first, "info")
    assert (again["outcome"], again["command_id"]) == ("repeated", first)
    assert (refused["outcome"], refused["code"]) == ("refused", "INVALID_INPUT")
    for line in (created, paused, again, refused):
        assert line["actor"] == "admin"
        assert line["ms"] > 0
        assert line["logger"] == "app.schema.mutations"
    requests = lines_of(served, "request")
    assert [line["request_id"] for line in requests if line["route"] == "/graphql"] == [
        line["request_id"] for line in (created, paused, again, refused)
    ]
    assert {line["level"] for line in requests} == {"debug"}


async def test_operations_on_a_socket_have_ids_of_their_own(served: Served) -> None:
    async with await GraphQLSocket.open(served.url, token=TOKEN) as socket:
        await socket.execute(PAUSE)
        await socket.execute("mutation { resumePipeline(input: {}) { command { id } } }")
    await asyncio.to_thread(served.stop)
    commands = lines_of(served, "command")
    assert [line["verb"] for line in commands] == ["pausePipeline", "resumePipeline"]
    assert len({line["request_id"] for line in commands}) == 2
    (opened,) = lines_of(served, "socket opened")
    assert opened["request_id"] not in {line["request_id"] for line in commands}


async def test_no_secret_is_written_whatever_way_it_is_sent(served: Served) -> None:
    secrets = [f"trk_secret-number-{n}-of-the-tests" for n in range(5)]
    ask(served, "{ viewer { name } }", secrets[0])
    ask(served, "{ viewer { name } }", path=f"/graphql?token={secrets[1]}")
    ask(served, "{ viewer { name } }", path=f"/{secrets[2]}")
    with pytest.raises(Exception, match=r"(?i)forbidden|token"):
        await GraphQLSocket.open(served.url, token=secrets[3])
    ask(served, f'{{ events(after: "{secrets[4]}") {{ edges {{ cursor }} }} }}')
    ask(served, PAUSE)
    await asyncio.to_thread(served.stop)
    written = served.log()
    assert lines_of(served, "request"), "nothing was written at all"
    for secret in (*secrets, TOKEN):
        assert secret not in written


# ---------------------------------------------------------------- the form


def formatted(*, as_json: bool, message: str = "it happened", error: bool = False, **extra: Any) -> str:
    try:
        if error:
            raise OSError("postgresql://olga:hunter2@db/x \x1b[2J trk_abcdefghijklmnop")
        raised = None
    except OSError as caught:
        raised = (type(caught), caught, caught.__traceback__)
    record = logging.getLogger("a.logger").makeRecord(
        "a.logger", logging.WARNING, __file__, 1, message, (), raised, extra=extra
    )
    return logs.formatter(as_json=as_json).format(record)


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("trk_abcdefghijklmnop", "abcdefgh"),
        ("trw_RUNNER.wrk_1.1.0123456789abcdef", "0123456789"),
        ("Authorization: Bearer hunter2", "hunter2"),
        ("postgresql://olga:hunter2@db/trackside", "hunter2"),
    ],
)
def test_a_secret_that_reaches_a_logger_stops_there(as_json: bool, said: str, kept: str) -> None:
    assert kept not in formatted(as_json=as_json, message=f"refused: {said}")
    assert kept not in formatted(as_json=as_json, detail=said)
    assert "refused: " in formatted(as_json=as_json, message=f"refused: {said}")


def test_a_traceback_tells_no_secrets_and_no_variables() -> None:
    for as_json in (True, False):
        text = formatted(as_json=as_json, error=True)
        assert "OSError" in text
        assert "\x1b" not in text
        assert "hunter2" not in text
        assert "abcdefgh" not in text


def test_nobody_writes_lines_of_his_own() -> None:
    text = formatted(as_json=False, message="one\n2026-01-01 [info] forged\x1b[2J", verb="two\nlines")
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    assert json.loads(formatted(as_json=True, message="one\ntwo"))["event"] == "one\ntwo"


def test_what_is_bound_is_on_every_line_inside_and_on_none_outside() -> None:
    with logs.about(run_id="run_1", task_id=None), logs.about(worker_id="wrk_1"):
        inside = json.loads(formatted(as_json=True))
    assert (inside["run_id"], inside["worker_id"]) == ("run_1", "wrk_1")
    assert "task_id" not in inside
    assert set(json.loads(formatted(as_json=True))) == {"time", "level", "logger", "event"}
